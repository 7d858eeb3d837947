// Writes run files with routing, for tests of tables and event files.
#pragma once

#include "analysis/render/table.hpp"
#include "tests/analysis/notes.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace moesim::testing {

inline constexpr double kLog2 = 0.69314718055994531;

// Two layers (blocks 1 and 3) of four experts, two evaluations and three records. In the last
// evaluation layer 1 has a demand of 8 4 4 0 and drops 2 of the first expert; layer 3 is balanced.
inline RunFile routing_run(const std::string& arm, std::int64_t seed,
                           const std::string& status = "complete") {
  using Type = Variable::Type;
  RunFile run;
  run.attribute("status", status);
  run.attribute("experiment", "test");
  run.attribute("run_id", arm + "-s" + std::to_string(seed));
  run.attribute("arm", arm);
  run.attribute("router", "token_choice");
  run.attribute("seed", seed);
  run.attribute("sees", "past");
  run.attribute("leak", 0.0);
  run.attribute("plan_kind", "assignment");
  run.attribute("created_utc", "2026-01-02T03:04:05Z");
  run.put(variable("layer", Type::int32, {"layer"}, {2}, {1, 3}));
  run.put(variable("expert", Type::int32, {"expert"}, {4}, {0, 1, 2, 3}));
  run.put(variable("eval_step", Type::int64, {"eval"}, {2}, {0, 10}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {2}, {2, 2.5}));
  const auto per_expert = [&](const std::string& name, const std::string& dim,
                              std::vector<double> values) {
    const auto rows = static_cast<std::int64_t>(values.size() / 8);
    run.put(
        variable(name, Type::float64, {dim, "layer", "expert"}, {rows, 2, 4}, std::move(values)));
  };
  const auto per_layer = [&](const std::string& name, const std::string& dim,
                             std::vector<double> values) {
    const auto rows = static_cast<std::int64_t>(values.size() / 2);
    run.put(variable(name, Type::float64, {dim, "layer"}, {rows, 2}, std::move(values)));
  };
  per_expert("eval_demand", "eval", {16, 0, 0, 0, 16, 0, 0, 0, 8, 4, 4, 0, 4, 4, 4, 4});
  per_expert("eval_load", "eval", {16, 0, 0, 0, 16, 0, 0, 0, 6, 4, 4, 0, 4, 4, 4, 4});
  per_expert("eval_importance", "eval", {16, 0, 0, 0, 16, 0, 0, 0, 0, 2, 2, 4, 2, 2, 2, 2});
  per_layer("eval_assignments", "eval", {16, 16, 16, 16});
  per_layer("eval_dropped", "eval", {0, 0, 2, 0});
  per_layer("eval_router_entropy", "eval", {0, 0, kLog2, 2 * kLog2});
  run.put(variable("record_step", Type::int64, {"record"}, {3}, {0, 5, 9}));
  per_expert("demand", "record", {4, 0, 0, 0, 4, 0, 0, 0,  //
                                  3, 1, 0, 0, 1, 1, 1, 1,  //
                                  1, 1, 2, 0, 1, 1, 1, 1});
  per_expert("load", "record", {4, 0, 0, 0, 4, 0, 0, 0,  //
                                2, 1, 0, 0, 1, 1, 1, 1,  //
                                1, 1, 2, 0, 1, 1, 1, 1});
  per_expert("importance", "record", std::vector<double>(24, 1));
  per_layer("assignments", "record", {4, 4, 4, 4, 4, 4});
  per_layer("dropped", "record", {0, 0, 1, 0, 0, 0});
  per_layer("router_entropy", "record", {0, 0, kLog2, 0, 0, std::nan("")});
  return run;
}

inline void check_number(const Table& table, std::size_t row, const std::string& key,
                         double expected) {
  INFO(key << " in row " << row);
  const Cell& found = cell(table, row, key);
  const auto* sample = std::get_if<Sample>(&found);
  CHECK_THAT(sample != nullptr ? sample->mean : std::get<double>(found), WithinAbs(expected, 1e-9));
}

inline void check_deviation(const Table& table, std::size_t row, const std::string& key,
                            double expected) {
  INFO(key << " in row " << row);
  CHECK_THAT(std::get<Sample>(cell(table, row, key)).deviation, WithinAbs(expected, 1e-9));
}

inline std::string text(const Table& table, std::size_t row, const std::string& key) {
  return std::get<std::string>(cell(table, row, key));
}

}  // namespace moesim::testing
