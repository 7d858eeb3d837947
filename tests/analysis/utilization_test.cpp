// Tests the utilization table, against numbers worked out by hand.
#include "analysis/tables/utilization.hpp"

#include "analysis/tables/arm_words.hpp"
#include "analysis/tables/expert_load.hpp"
#include "sim/core/error.hpp"
#include "tests/analysis/routing_samples.hpp"

#include <filesystem>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

// A sweep of run files, and the tables of it.
class UtilizationSweep {
 public:
  void add(const RunFile& run) {
    const std::string folder = folder_ / ("run" + std::to_string(count_++));
    std::filesystem::create_directory(folder);
    run.publish(folder + "/run.h5");
  }
  Table table(const UtilizationOptions& options = {}) const {
    return utilization_table({.paths = {folder_ / ""}}, options);
  }

 private:
  TemporaryFolder folder_;
  int count_ = 0;
};

// The same run with a last evaluation in which all experts get the same.
RunFile balanced_run(std::int64_t seed) {
  RunFile run = routing_run("a", seed);
  const std::vector<double> even(16, 4);
  run.put(variable("eval_demand", Type::float64, {"eval", "layer", "expert"}, {2, 2, 4}, even));
  run.put(variable("eval_load", Type::float64, {"eval", "layer", "expert"}, {2, 2, 4}, even));
  run.put(variable("eval_dropped", Type::float64, {"eval", "layer"}, {2, 2}, {0, 0, 0, 0}));
  return run;
}

TEST_CASE("utilization: every statistic of a layer, by hand", "[analysis][tables]") {
  UtilizationSweep sweep;
  sweep.add(routing_run("a", 0));
  const Table table = sweep.table();
  REQUIRE(table.rows.size() == 3);
  CHECK(text(table, 0, "layer") == "1");
  CHECK(text(table, 0, "of") == "assignments");
  CHECK(text(table, 0, "sees") == "past");
  CHECK(text(table, 0, "leak") == "none");
  // Load 6 4 4 0, 3.5 each if uniform.
  check_number(table, 0, "load_min", 0);
  check_number(table, 0, "load_p10", 0.3 * 4 / 3.5);
  check_number(table, 0, "load_median", 4 / 3.5);
  check_number(table, 0, "load_p90", (4 + 0.7 * 2) / 3.5);
  check_number(table, 0, "load_max", 6 / 3.5);
  // Demand 8 4 4 0, mean 4: deviations 4 0 0 -4.
  check_number(table, 0, "load_cv", std::sqrt(32.0 / 4) / 4);
  check_number(table, 0, "max_violation", 1);
  check_number(table, 0, "effective_experts", std::pow(2, 1.5));  // 1/2 log 2 + 2/4 log 4
  check_number(table, 0, "dead_experts", 1);
  check_number(table, 0, "normalised_entropy", 0.5);
  check_number(table, 0, "dropped_percent", 12.5);

  CHECK(text(table, 1, "layer") == "3");
  check_number(table, 1, "load_p90", 1);
  check_number(table, 1, "load_cv", 0);
  check_number(table, 1, "effective_experts", 4);
  check_number(table, 1, "normalised_entropy", 1);

  // 0 1 1 1 1 8/7 8/7 12/7
  CHECK(text(table, 2, "layer") == "all");
  check_number(table, 2, "load_p10", 0.7);
  check_number(table, 2, "load_median", 1);
  check_number(table, 2, "load_p90", 8.0 / 7 + 0.3 * 4 / 7);
  check_number(table, 2, "load_cv", std::sqrt(0.5) / 2);
  check_number(table, 2, "effective_experts", (std::pow(2, 1.5) + 4) / 2);
  check_number(table, 2, "dead_experts", 1);
  check_number(table, 2, "dropped_percent", 6.25);
}

TEST_CASE("utilization: mean and deviation over complete runs alone", "[analysis][tables]") {
  UtilizationSweep sweep;
  sweep.add(routing_run("a", 0));
  sweep.add(balanced_run(1));
  sweep.add(routing_run("a", 2, "diverged"));
  const Table table = sweep.table();
  REQUIRE(table.rows.size() == 3);
  check_number(table, 0, "seeds", 2);
  check_number(table, 0, "load_max", (6 / 3.5 + 1) / 2);
  check_number(table, 0, "load_cv", std::sqrt(0.5) / 2);  // of sqrt(1/2) and 0
  check_deviation(table, 0, "load_cv", 0.5);
  CHECK(mentions(table, "diverged, not in the means: a (1 of 3)"));
}

TEST_CASE("utilization: by expert", "[analysis][tables]") {
  UtilizationSweep sweep;
  sweep.add(routing_run("a", 0));
  sweep.add(balanced_run(1));
  const Table table = sweep.table({.by = UtilizationOptions::By::expert});
  REQUIRE(table.rows.size() == 2);
  check_number(table, 0, "expert_0", (6 / 3.5 + 1) / 2);
  check_number(table, 0, "expert_3", 0.5);
  check_number(table, 1, "expert_2", 1);
  CHECK(table.columns[4].title == "0");
}

TEST_CASE("utilization: more than 16 experts are no columns", "[analysis][tables]") {
  RunFile run;
  run.attribute("status", "complete");
  run.put(variable("eval_step", Type::int64, {"eval"}, {1}, {0}));
  run.put(variable("eval_load", Type::float64, {"eval", "layer", "expert"}, {1, 1, 17},
                   std::vector<double>(17, 1)));
  UtilizationSweep sweep;
  sweep.add(run);
  CHECK(sweep.table().rows.size() == 1);
  try {
    sweep.table({.by = UtilizationOptions::By::expert});
    FAIL("17 columns");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    CHECK_THAT(error.what(), contains("17 experts") && contains("--by layer"));
  }
}

TEST_CASE("utilization: at an evaluation", "[analysis][tables]") {
  UtilizationSweep sweep;
  sweep.add(routing_run("a", 0));
  // The first has the lower loss, and one expert has all.
  for (const At& at : {At{At::Kind::best, 0}, At{At::Kind::step, 0}}) {
    const Table table = sweep.table({.at = at});
    check_number(table, 0, "load_max", 4);
    check_number(table, 0, "dead_experts", 3);
    check_number(table, 2, "dead_experts", 6);
  }
  try {
    sweep.table({.at = {At::Kind::step, 7}});
    FAIL("no such evaluation");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    CHECK_THAT(error.what(), contains("--at 7"));
  }
}

TEST_CASE("utilization: the sum over a window of records", "[analysis][tables]") {
  UtilizationSweep sweep;
  sweep.add(routing_run("a", 0));
  const Table table = sweep.table({.window = 2});
  // Demand 4 2 2 0 of 8, load 3 2 2 0 of 7, one dropped; entropies log 2 and 0.
  check_number(table, 0, "load_max", 3 / 1.75);
  check_number(table, 0, "load_cv", std::sqrt(0.5));
  check_number(table, 0, "dropped_percent", 12.5);
  check_number(table, 0, "normalised_entropy", 0.25);
  check_number(table, 1, "normalised_entropy", 0);  // the NaN of the last record is left out
  CHECK(mentions(table, "the last 2 records"));
  check_number(sweep.table({.window = 100}), 0, "load_max", 7 / 2.75);  // 7 2 2 0 of all three
}

TEST_CASE("utilization: of Soft MoE the combine mass", "[analysis][tables]") {
  RunFile run = routing_run("soft", 0);
  run.attribute("plan_kind", "mixing");
  run.attribute("leak", 0.5);
  UtilizationSweep sweep;
  sweep.add(run);
  const Table table = sweep.table();
  CHECK(text(table, 0, "of") == "combine mass");
  check_number(table, 0, "load_max", 2);  // importance 0 2 2 4
  check_number(table, 0, "load_cv", std::sqrt(0.5));
  check_number(table, 0, "dead_experts", 1);
  CHECK(text(table, 0, "leak") == "leaks");
  CHECK(mentions(table, "leaks"));
  CHECK(table.references.contains({0, 0}));
}

TEST_CASE("utilization: layers with one expert have no row, but a note", "[analysis][tables]") {
  RunFile dense;
  dense.attribute("status", "complete");
  dense.attribute("arm", "dense");
  dense.put(variable("eval_load", Type::float64, {"eval", "layer", "expert"}, {1, 2, 1}, {8, 8}));
  UtilizationSweep sweep;
  sweep.add(dense);
  sweep.add(routing_run("a", 0));
  const Table table = sweep.table();
  CHECK(table.rows.size() == 3);
  CHECK(mentions(table,
                 "no row, because no layer has several experts, or none was recorded: "
                 "dense"));
  CHECK(sweep.table({.arms = {"a"}}).notes.size() < table.notes.size());
  CHECK_THROWS_AS(sweep.table({.arms = {"b"}}), Error);
}

TEST_CASE("utilization: a run file with other dimensions is left out, and said",
          "[analysis][tables]") {
  RunFile odd = routing_run("a", 1);
  odd.put(variable("eval_router_entropy", Type::float64, {"layer", "eval"}, {2, 2}, {0, 0, 0, 0}));
  UtilizationSweep sweep;
  sweep.add(odd);
  sweep.add(routing_run("a", 0));
  const Table table = sweep.table();
  check_number(table, 0, "seeds", 1);
  check_number(table, 0, "dropped_percent", 12.5);
  CHECK(mentions(table, "left out, because it cannot be read"));
}

TEST_CASE("utilization: nothing was processed", "[analysis][tables]") {
  CHECK(std::isnan(over_uniform({0, 0})[0]));
  CHECK(std::isnan(effective_experts_of({0, 0})));
  CHECK(effective_experts_of({5, 0}) == 1);
}

TEST_CASE("tables: keys are letters, digits and underscores, and differ", "[analysis][tables]") {
  std::set<std::string> taken;
  CHECK(key_of("Top K & 50%", taken) == "top_k_50");
  CHECK(key_of("top-k (50)", taken) == "top_k_50_2");
  CHECK(key_of("\x1b[31m", taken) == "31m");
  CHECK(key_of("\xE6\x9D\xB1", taken) == "x");
  CHECK(key_of(std::string(200, 'a'), taken).size() == 60);
}

}  // namespace
}  // namespace moesim::testing
