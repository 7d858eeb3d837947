// Builds outcomes of made-up runs for tests of tables, and reads cells.
#pragma once

#include "analysis/tables/routers.hpp"
#include "tests/analysis/notes.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace moesim::testing {

inline Table comparison(const std::vector<Outcome>& outcomes, const std::string& baseline) {
  return routers_table(outcomes, {.baseline = baseline});
}

inline RunFile run_of(const std::string& arm, std::int64_t seed, double loss,
                      const std::string& status = "complete") {
  RunFile run;
  run.attribute("status", status);
  run.attribute("router", arm);
  run.attribute("seed", seed);
  run.attribute("leak", arm == "soft" ? 0.5 : 0.0);
  run.attribute("sees", arm == "soft" ? "sequence" : "past");
  run.attribute("plan_kind", "assignment");
  run.attribute("parameters_total", std::int64_t{1234567});
  run.attribute("bayes_loss", 1.5);
  run.put(variable("step", Variable::Type::int64, {"step"}, {3}, {1, 2, 3}));
  run.put(variable("tokens", Variable::Type::int64, {"step"}, {3}, {100, 200, 300}));
  run.put(variable("seconds", Variable::Type::float64, {"step"}, {3},
                   {2, 1, 2}));  // 50, 100, 50 a second
  run.put(variable("eval_loss", Variable::Type::float64, {"eval"}, {2}, {9, loss}));
  // The last evaluation: 10 of 100 and 30 of 100 dropped, so 20 %.
  run.put(variable("eval_assignments", Variable::Type::float64, {"eval", "layer"}, {2, 2},
                   {9, 9, 100, 100}));
  run.put(
      variable("eval_dropped", Variable::Type::float64, {"eval", "layer"}, {2, 2}, {0, 0, 10, 30}));
  run.put(variable("eval_load_cv", Variable::Type::float32, {"eval", "layer"}, {2, 2},
                   {7, 7, 0.25, 0.75}));
  run.put(variable("eval_dead_experts", Variable::Type::float32, {"eval", "layer"}, {2, 2},
                   {0, 0, 1, 2}));
  return run;
}

inline Outcome outcome(const std::string& arm, std::int64_t seed, double loss,
                       const std::string& status = "complete") {
  return outcome_of({"run.h5", run_of(arm, seed, loss, status)});
}

// dense: mean 2.2, deviations -0.2 0 0.2: std sqrt(0.08 / 2) = 0.2
// hash:  mean 2.1, deviations -0.2 0.1 0.1: std sqrt(0.06 / 2) = 0.1732
// hash - dense by seed: -0.1 0 -0.2: mean -0.1, std sqrt(0.02 / 2) = 0.1
inline std::vector<Outcome> two_arms() {
  return {outcome("dense", 0, 2.0), outcome("dense", 1, 2.2), outcome("dense", 2, 2.4),
          outcome("hash", 2, 2.2),  outcome("hash", 0, 1.9),  outcome("hash", 1, 2.2)};
}

inline double number(const Table& table, std::size_t row, const std::string& key) {
  return std::get<double>(cell(table, row, key));
}

inline void require_sample(const Cell& cell, std::size_t count, double mean, double deviation) {
  const Sample& sample = std::get<Sample>(cell);
  REQUIRE(sample.count == count);
  REQUIRE_THAT(sample.mean, WithinAbs(mean, 1e-12));
  if (std::isnan(deviation))
    REQUIRE(std::isnan(sample.deviation));
  else
    REQUIRE_THAT(sample.deviation, WithinAbs(deviation, 1e-12));
}

inline Outcome measured(const std::string& arm, std::int64_t seed, double loss, double vocabulary,
                        double unknown = -1) {
  RunFile run = run_of(arm, seed, loss);
  run.attribute("uniform_loss", std::log(vocabulary));
  if (unknown >= 0) run.attribute("unknown_characters", unknown);
  return outcome_of({"run.h5", run});
}

// Returns the rows of the highlighted cells.
inline std::set<std::size_t> marked_rows(const Table& table) {
  std::set<std::size_t> rows;
  for (const Table::Place& place : table.bold) rows.insert(place.row);
  return rows;
}

inline std::size_t notes_with(const Table& table, const std::string& words) {
  return static_cast<std::size_t>(
      std::count_if(table.notes.begin(), table.notes.end(),
                    [&](const std::string& note) { return note.find(words) != note.npos; }));
}

}  // namespace moesim::testing
