// Tests the table of curves: a quantity over steps, one column per arm.
#include "analysis/tables/curves.hpp"

#include "sim/core/error.hpp"
#include "tests/analysis/routing_samples.hpp"

#include <filesystem>

namespace moesim::testing {
namespace {

using Type = Variable::Type;

RunFile curve(const std::string& arm, std::int64_t seed, std::vector<double> steps,
              std::vector<double> losses) {
  RunFile run;
  run.attribute("status", "complete");
  run.attribute("arm", arm);
  run.attribute("seed", seed);
  run.attribute("sees", "past");
  const auto rows = static_cast<std::int64_t>(steps.size());
  run.put(variable("eval_step", Type::int64, {"eval"}, {rows}, std::move(steps)));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {rows}, std::move(losses)));
  return run;
}

Table table_of(const std::vector<RunFile>& runs, const CurvesOptions& options = {}) {
  const TemporaryFolder folder;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string path = folder / ("run" + std::to_string(i));
    std::filesystem::create_directory(path);
    runs[i].publish(path + "/run.h5");
  }
  return curves_table({.paths = {folder / ""}}, options);
}

std::string problem_of(const CurvesOptions& options) {
  try {
    table_of({routing_run("a", 0)}, options);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    return error.what();
  }
  return "none";
}

TEST_CASE("curves: seeds are joined on the step, and NaN is left out", "[analysis][tables]") {
  const double nan = std::nan("");
  const Table table =
      table_of({curve("a", 0, {0, 10, 20}, {4, 3, 2}), curve("a", 1, {0, 20, 30}, {5, 3, nan}),
                curve("b", 0, {0, 20}, {7, 1})});
  REQUIRE(table.columns.size() == 3);
  CHECK(table.columns[1].title == "a");
  REQUIRE(table.rows.size() == 4);
  const auto sample = [&](std::size_t row, std::size_t column) {
    return std::get<Sample>(table.rows[row][column]);
  };
  CHECK(std::get<double>(table.rows[1][0]) == 10);
  CHECK(sample(0, 1).count == 2);
  CHECK(sample(0, 1).mean == 4.5);
  CHECK_THAT(sample(0, 1).deviation, WithinAbs(std::sqrt(0.5), 1e-12));
  CHECK(sample(1, 1).count == 1);
  CHECK(sample(1, 1).mean == 3);
  CHECK(sample(2, 1).mean == 2.5);
  CHECK(sample(3, 1).count == 0);
  CHECK(sample(2, 2).mean == 1);
  CHECK(std::holds_alternative<std::monostate>(table.rows[1][2]));
  CHECK(mentions(table, "means of fewer seeds: a (2 steps)"));
  CHECK(mentions(table, "sees past: a, b"));
}

TEST_CASE("curves: layers are averaged, or one is chosen", "[analysis][tables]") {
  const RunFile run = routing_run("a", 0);
  const Table mean = table_of({run}, {.quantity = "router_entropy"});
  REQUIRE(mean.rows.size() == 3);
  CHECK(std::get<double>(mean.rows[1][0]) == 5);
  check_number(mean, 1, "a", kLog2 / 2);
  check_number(mean, 2, "a", 0);  // layer 3 is NaN
  CHECK(mentions(mean, "mean over layers"));
  check_number(table_of({run}, {.quantity = "router_entropy", .layer = 1}), 1, "a", kLog2);
  check_number(table_of({run}, {.quantity = "eval_assignments", .layer = 3}), 1, "a", 16);
}

TEST_CASE("curves: one expert, domain or auxiliary loss is chosen by its label",
          "[analysis][tables]") {
  const RunFile run = routing_run("a", 0);
  check_number(table_of({run}, {.quantity = "eval_load/0", .layer = 1}), 1, "a", 6);
  check_number(table_of({run}, {.quantity = "eval_load/3"}), 1, "a", 2);  // of 0 and 4
  RunFile other = curve("a", 0, {0}, {1});
  other.put({.name = "domain",
             .type = Type::text,
             .dims = {"domain"},
             .shape = {2},
             .values = {},
             .texts = {"code", "a/b"},
             .long_name = "",
             .units = ""});
  other.put(variable("domain_loss", Type::float64, {"eval", "domain"}, {1, 2}, {3, 4}));
  check_number(table_of({other}, {.quantity = "domain_loss/a/b"}), 0, "a", 4);
}

TEST_CASE("curves: what is no curve is refused, with what there is", "[analysis][tables]") {
  CHECK_THAT(problem_of({.quantity = "eval_los"}), contains("did you mean eval_loss?"));
  CHECK_THAT(problem_of({.quantity = "expert"}), contains("expert is no curve"));
  CHECK_THAT(problem_of({.quantity = "load"}), contains("take one of 0, 1, 2, 3"));
  CHECK_THAT(problem_of({.quantity = "load/7"}), contains("there is no '7'"));
  CHECK_THAT(problem_of({.quantity = "dropped", .layer = 2}), contains("take one of 1, 3"));
  CHECK_THAT(problem_of({.quantity = "eval_loss", .layer = 1}), contains("not recorded by layer"));
  CHECK_THAT(problem_of({.quantity = "eval_loss/a"}), contains("has no 'a'"));
  CHECK_THAT(problem_of({.arms = {"b"}}), contains("'b'"));
}

TEST_CASE("curves: decimals follow the size of the numbers", "[analysis][tables]") {
  const auto decimals = [](double loss) {
    return table_of({curve("a", 0, {0}, {loss})}).columns[1].decimals;
  };
  CHECK(decimals(2.5) == 4);
  CHECK(decimals(25) == 4);
  CHECK(decimals(2500) == 1);
  CHECK(decimals(0.0025) == 7);
  CHECK(decimals(0) == 4);
  CHECK(decimals(std::numeric_limits<double>::infinity()) == 4);
}

TEST_CASE("curves: a step that is no number is left out", "[analysis][tables]") {
  RunFile run = curve("a", 0, {0}, {1});
  run.put(variable("eval_step", Type::float64, {"eval"}, {3}, {0, std::nan(""), 5}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {3}, {1, 2, 3}));
  CHECK(table_of({run}).rows.size() == 2);
}

}  // namespace
}  // namespace moesim::testing
