// Tests the conservation checks of every written run file.
#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <limits>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

// Replaces one value of a variable.
void set(RunFile& run, const std::string& name, std::size_t at, double value) {
  Variable changed = *run.find(name);
  changed.values[at] = value;
  run.put(changed);
}

std::string problem_of(const RunFile& run) {
  const TemporaryFolder folder;
  try {
    run.publish(folder / "run.h5");
  } catch (const Error& error) {
    REQUIRE(error.code() == Exit::internal);
    REQUIRE_FALSE(std::filesystem::exists(folder / "run.h5"));
    return error.what();
  }
  return "";
}

TEST_CASE("conservation: what adds up is published", "[record]") {
  REQUIRE(problem_of(sample()) == "");
}

TEST_CASE("conservation: demand that was lost is named with record and layer", "[record]") {
  RunFile run = sample();
  set(run, "demand", 6 + 3 + 1, 3);  // record 1, layer 1, expert 1: 0 + 3 + 2 = 5, not 6
  REQUIRE(problem_of(run) ==
          "conservation violated at record 1, layer 1: sum of demand is 5, but assignments is 6");
}

TEST_CASE("conservation: rows that were neither processed nor dropped are named", "[record]") {
  RunFile run = sample();
  set(run, "dropped", 0, 0);  // record 0, layer 0: 2 + 2 + 1 + 0 = 5, not 6
  REQUIRE(problem_of(run) ==
          "conservation violated at record 0, layer 0: sum of load + dropped is 5, but assignments "
          "is 6");
}

TEST_CASE("conservation: counts are exact, masses are not", "[record]") {
  RunFile run = sample();
  set(run, "demand", 0, 3.0001);
  REQUIRE_THAT(problem_of(run), contains("record 0, layer 0: sum of demand is 6.0001"));
  run.attribute("plan_kind", "mixing");
  REQUIRE(problem_of(run) == "");  // 1.7e-5 of the mass
  set(run, "demand", 0, 3.001);    // 1.7e-4
  REQUIRE_THAT(problem_of(run), contains("sum of demand"));
}

TEST_CASE("conservation: mixing and merging have no rows to drop", "[record]") {
  for (const char* kind : {"mixing", "merging", "custom"}) {
    RunFile run = sample();
    run.attribute("plan_kind", kind);
    set(run, "load", 0, 100);
    REQUIRE(problem_of(run) == "");
  }
}

TEST_CASE("conservation: holds of evaluations too", "[record]") {
  RunFile run = sample();
  run.put(variable("eval_demand", Type::float64, {"eval", "layer", "expert"}, {1, 2, 3},
                   {1, 1, 1, 2, 2, 2}));
  run.put(variable("eval_assignments", Type::float64, {"eval", "layer"}, {1, 2}, {3, 7}));
  REQUIRE(problem_of(run) ==
          "conservation violated at eval 0, layer 1: sum of eval_demand is 6, but eval_assignments "
          "is 7");
}

TEST_CASE("conservation: not a number where a number should be", "[record]") {
  RunFile run = sample();
  set(run, "demand", 0, std::numeric_limits<double>::quiet_NaN());
  REQUIRE_THAT(problem_of(run), contains("record 0, layer 0: sum of demand is nan"));
  // A run that diverged has it on both sides, and is published.
  set(run, "assignments", 0, std::numeric_limits<double>::quiet_NaN());
  set(run, "dropped", 0, std::numeric_limits<double>::quiet_NaN());
  REQUIRE(problem_of(run) == "");
}

TEST_CASE("conservation: dimensions in another order are refused", "[record]") {
  RunFile run = sample();
  run.put(variable("demand", Type::float32, {"layer", "record", "expert"}, {2, 2, 3},
                   std::vector<double>(12, 2)));
  REQUIRE_THAT(problem_of(run), contains("demand has dimensions (layer, record, expert)"));
}

}  // namespace
}  // namespace moesim::testing
