// Tests figures of the load of experts: heat maps, curves, quantiles.
#include "tests/analysis/plotted_runs.hpp"

namespace moesim::testing {

TEST_CASE("figures: experts of several seeds are ranked before they are averaged", "[analysis]") {
  const PlottedRuns runs(three_plotted_runs());
  const Figure figure = runs.figure("heatmap");
  REQUIRE(figure.panels.size() == 2);
  const HeatMap& map = figure.panels[0].map;
  CHECK(map.neutral == 1);
  CHECK(map.rows == std::vector<std::string>{"1", "3"});
  CHECK(map.columns == std::vector<std::string>{"1", "2"});
  // Seed 0: 1.5 0.5 / 1 1; seed 1: 0.5 1.5 / 2 0, ranked 1.5 0.5 / 2 0.
  check_numbers(map.values, {1.5, 0.5, 1.5, 0.5});
  const Figure one = runs.figure("heatmap", {.arms = {"a"}, .seed = 1});
  check_numbers(one.panels.at(0).map.values, {0.5, 1.5, 2, 0});
  CHECK(one.panels[0].map.columns == std::vector<std::string>{"0", "1"});
  const Figure layer = runs.figure("heatmap", {.arms = {"a"}, .layers = {3}});
  CHECK(layer.panels.at(0).map.rows == std::vector<std::string>{"3"});
  // Before the last evaluation all were balanced.
  check_numbers(runs.figure("heatmap", {.at = {At::Kind::step, 5}}).panels[0].map.values,
                {1, 1, 1, 1});
  CHECK(runs.problem(Exit::usage, "heatmap", {.layers = {7}}) ==
        "--layer 7: no run that is shown has this MoE layer; there are 1, 3");
}

TEST_CASE("figures: load of few experts is of one seed", "[analysis]") {
  const PlottedRuns runs(three_plotted_runs());
  const Figure figure = runs.figure("load", {.arms = {"a"}});
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].title == "layer 1");
  const auto& series = figure.panels[0].series;
  REQUIRE(series.size() == 3);  // the line of uniform load comes first
  CHECK(series[0].guide);
  check_numbers(series[0].y, {1, 1});
  CHECK(series[1].name == "expert 0");
  check_numbers(series[1].x, {0, 4, 8});
  check_numbers(series[1].y, {1.5, 1, 1});
  check_numbers(figure.panels[1].series[2].y, {8.0 / 9, 1, 0.2});
  CHECK(has_note_of(figure, "curves are of seed 0 alone, because"));
  for (const char* name : {"load", "heatmap"})
    CHECK(runs.problem(Exit::usage, name, {.seed = 9}) ==
          "--seed 9: no run that is shown has this seed; there are 0, 1");
  CHECK(runs.figure("load").panels.at(0).title == "a, layer 1");
}

TEST_CASE("figures: of plans that mix, the load is combine mass", "[analysis]") {
  TemporaryFolder folder;
  RunFile run = plotted_run({});
  run.attribute("plan_kind", std::string("mixing"));
  run.put(variable("importance", Variable::Type::float64, {"record", "layer", "expert"}, {3, 2, 2},
                   {1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3}));
  run.publish(folder / "run.h5");
  const Request request{.paths = {folder / "run.h5"}};
  const Figure figure = figure_of("load", request, {});
  check_numbers(figure.panels.at(0).series.at(1).y, {0.5, 1, 1});
  check_numbers(figure.panels.at(1).series.at(1).y, {1, 1, 0.5});
  CHECK(has_note_of(figure, "the load is combine mass"));
  check_numbers(figure_of("load", request, {.quantity = "load"}).panels.at(0).series.at(1).y,
                {1.5, 1, 1});
}

TEST_CASE("figures: load of many experts is shown by quantiles", "[analysis]") {
  TemporaryFolder folder;
  RunFile run = plotted_run({});
  // 21 experts with 0, 1, ..., 20 rows: the mean is 10.
  Numbers loads;
  for (int i = 0; i < 21; ++i) loads.push_back(i);
  run.put(variable("expert", Variable::Type::int32, {"expert"}, {21}, loads));
  for (const char* name : {"load", "demand"})
    run.put(
        variable(name, Variable::Type::float64, {"record", "layer", "expert"}, {1, 1, 21}, loads));
  for (const char* name : {"eval_load", "eval_demand"})
    run.put(
        variable(name, Variable::Type::float64, {"eval", "layer", "expert"}, {1, 1, 21}, loads));
  run.put(variable("layer", Variable::Type::int32, {"layer"}, {1}, {0}));
  run.put(variable("record_step", Variable::Type::int64, {"record"}, {1}, {0}));
  for (const char* name : {"assignments", "dropped", "router_entropy"})
    run.put(variable(name, Variable::Type::float64, {"record", "layer"}, {1, 1},
                     {std::string(name) == "assignments" ? 210.0 : 0}));
  for (const char* name : {"eval_assignments", "eval_dropped"})
    run.put(variable(name, Variable::Type::float64, {"eval", "layer"}, {1, 1},
                     {std::string(name) == "eval_assignments" ? 210.0 : 0}));
  run.put(variable("eval_step", Variable::Type::int64, {"eval"}, {1}, {10}));
  run.put(variable("eval_loss", Variable::Type::float64, {"eval"}, {1}, {1}));
  run.put(variable("domain_loss", Variable::Type::float64, {"eval", "domain"}, {1, 2}, {1, 1}));
  run.publish(folder / "run.h5");
  const Figure figure = figure_of("load", {.paths = {folder / "run.h5"}}, {});
  const auto& series = figure.panels.at(0).series;
  REQUIRE(series.size() == 4);
  // numpy.quantile(numpy.arange(21) / 10, [0, .1, .5, .9, 1]) = 0, 0.2, 1, 1.8, 2
  CHECK(series[1].band_only);
  check_numbers(series[1].low, {0});
  check_numbers(series[1].high, {2});
  check_numbers(series[2].low, {0.2});
  check_numbers(series[2].high, {1.8});
  CHECK(series[3].name == "median expert");
  check_numbers(series[3].y, {1});
}

TEST_CASE("figures: arms of uniform load are left out of load, unless asked for", "[analysis]") {
  const PlottedRuns runs({{.arm = "a"}, {.arm = "b", .uniform = true}});
  const Figure figure = runs.figure("load");
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].title == "layer 1");
  CHECK(has_note_of(figure, "uniform in all layers, not shown (--arm shows it): b"));
  CHECK(runs.figure("load", {.arms = {"a", "b"}}).panels.size() == 4);
  CHECK(PlottedRuns({{.arm = "b", .uniform = true}}).figure("load").panels.size() == 2);
}

}  // namespace moesim::testing
