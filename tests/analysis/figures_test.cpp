// Tests figures of small run files, against numbers worked out by hand.
#include "analysis/figures/ranges.hpp"
#include "analysis/figures/ticks.hpp"
#include "tests/analysis/plotted_runs.hpp"

#include <cmath>

namespace moesim::testing {

TEST_CASE("figures: loss is a mean over seeds with one standard deviation", "[analysis]") {
  const PlottedRuns runs(three_plotted_runs());
  const Figure figure = runs.figure("loss");
  REQUIRE(figure.panels.size() == 1);
  const Panel& panel = figure.panels[0];
  REQUIRE(panel.series.size() == 2);
  const Series& a = panel.series[0];
  CHECK(a.name == "a");
  check_numbers(a.x, {0, 5, 10});
  check_numbers(a.y, {2.5, 1.5, 1.25});
  // Sample standard deviation of 1.0 and 1.5: 0.5 / sqrt(2).
  const double s = 0.5 / std::sqrt(2.0);
  check_numbers(a.low, {2.5, 1.5 - s, 1.25 - s});
  check_numbers(a.high, {2.5, 1.5 + s, 1.25 + s});
  CHECK(panel.series[1].name == "b (leaks)");
  CHECK(panel.series[1].low.empty());
  CHECK(panel.series[1].style != a.style);
  CHECK(has_note_of(figure, "one seed, so no deviation is shown: b"));
}

TEST_CASE("figures: what differs by rounding alone has a scale", "[analysis]") {
  const double next = std::nextafter(1.0, 2.0);
  CHECK(linear_ticks(1, next, 5).at.size() <= 24);
  Panel panel;
  panel.series.push_back({.name = "a", .x = {0, 1, 2}, .y = {1, next, 1}, .low = {}, .high = {}});
  Figure figure;
  figure.panels.push_back(panel);
  CHECK(y_ranges(figure).at(0).low < 0.95);
  CHECK(y_ranges(figure).at(0).high > 1.05);
}

TEST_CASE("figures: the four axes of time", "[analysis]") {
  const PlottedRuns runs(three_plotted_runs());
  const auto x_of = [&](const std::string& x, const std::string& figure) {
    return runs.figure(figure, {.x = x}).panels[0].series[0].x;
  };
  // An evaluation comes after its steps, a record with its step; a's seeds take 1 and 1/3 s a step.
  check_numbers(x_of("tokens", "loss"), {0, 500, 1000});
  check_numbers(x_of("flops", "loss"), {0, 5000, 10000});
  check_numbers(x_of("seconds", "loss"), {0, 10.0 / 3, 20.0 / 3});
  check_numbers(x_of("steps", "drops"), {0, 4, 8});
  check_numbers(x_of("tokens", "drops"), {100, 500, 900});
  CHECK(runs.problem(Exit::usage, "loss", {.x = "step"}) == "--x step: did you mean steps?");
}

TEST_CASE("figures: training loss of many steps is thinned by means", "[analysis]") {
  TemporaryFolder folder;
  RunFile run = plotted_run({});
  Numbers steps, losses;
  for (int i = 0; i < 450; ++i) {
    steps.push_back(i);
    losses.push_back(i);
  }
  run.put(variable("step", Variable::Type::int64, {"step"}, {450}, steps));
  run.put(variable("task_loss", Variable::Type::float64, {"step"}, {450}, losses));
  run.put(variable("tokens", Variable::Type::int64, {"step"}, {450}, steps));
  run.put(variable("seconds", Variable::Type::float64, {"step"}, {450}, steps));
  run.publish(folder / "run.h5");
  const Figure figure =
      figure_of("loss", {.paths = {folder / "run.h5"}}, {.quantity = "task_loss"});
  const Series& series = figure.panels[0].series[0];
  REQUIRE(series.x.size() == 150);
  CHECK(series.x[1] == 4);  // of steps 3, 4 and 5
  CHECK(series.y[149] == 448);
  CHECK(has_note_of(figure, "each point is the mean over 3 steps"));
}

TEST_CASE("figures: drops in percent and entropy over log E", "[analysis]") {
  const PlottedRuns runs({{.arm = "a"}});
  check_numbers(runs.figure("drops").panels[0].series.at(0).y, {15, 0, 20});
  check_numbers(runs.figure("drops", {.layers = {3}}).panels[0].series.at(0).y, {10, 0, 0});
  check_numbers(runs.figure("entropy").panels[0].series.at(0).y, {0.75, 0.5, 0.25});
  CHECK(runs.problem(Exit::data, "drops", {.quantity = "eval_dropped"}) ==
        "drop nothing: a, so there is no curve to show");
  CHECK(runs.problem(Exit::usage, "drops", {.quantity = "loss"}) ==
        "--quantity loss: choose dropped (of training batches) or eval_dropped (of evaluations)");
}

TEST_CASE("figures: the Pareto frontier has what no other beats in both", "[analysis]") {
  const PlottedRuns runs({{.arm = "a", .loss = 2.0, .speed = 400, .flops = 10},
                          {.arm = "b", .loss = 1.0, .speed = 100, .flops = 40},
                          {.arm = "c", .loss = 1.5, .speed = 200, .flops = 20},
                          {.arm = "d", .loss = 1.75, .speed = 200, .flops = 30},
                          {.arm = "e", .loss = 0.5, .speed = 200, .flops = 10, .leak = 1}});
  const Figure figure = runs.figure("pareto");
  REQUIRE(figure.panels.size() == 2);
  const Series& by_speed = figure.panels[0].series.back();
  CHECK(by_speed.guide);
  // From the fastest arm to the slowest, d and the arm that leaks left out.
  check_numbers(by_speed.x, {400, 200, 200, 100, 100});
  check_numbers(by_speed.y, {2, 2, 1.5, 1.5, 1});
  const Series& by_flops = figure.panels[1].series.back();
  check_numbers(by_flops.x, {10, 20, 20, 40, 40});
  check_numbers(by_flops.y, {2, 2, 1.5, 1.5, 1});
  CHECK(figure.panels[0].series[4].hollow);
  CHECK(has_note_of(figure, "leaks, so not part of the frontier (hollow): e"));
}

TEST_CASE("figures: speeds are medians over seeds, from the slowest to the fastest", "[analysis]") {
  const PlottedRuns runs({{.arm = "a", .seed = 0, .loss = 1, .speed = 100},
                          {.arm = "a", .seed = 1, .loss = 2, .speed = 900},
                          {.arm = "a", .seed = 2, .loss = 3, .speed = 200}});
  const Figure figure = runs.figure("pareto");
  const Series& a = figure.panels.at(0).series.at(0);
  check_numbers(a.x, {200});
  check_numbers(a.x_low, {100});
  check_numbers(a.x_high, {900});
  check_numbers(a.y, {2});
  check_numbers(a.low, {1});
  CHECK(has_note_of(figure, "bars from the slowest seed to the fastest"));
}

TEST_CASE("figures: arms that drop nothing are curves at zero", "[analysis]") {
  const Figure figure = PlottedRuns({{.arm = "a"}, {.arm = "b", .drops = false}}).figure("drops");
  REQUIRE(figure.panels.at(0).series.size() == 2);
  CHECK(figure.panels[0].series[1].name == "b");
  check_numbers(figure.panels[0].series[1].y, {0, 0, 0});
  CHECK(has_note_of(figure, "drop nothing, so their curves lie on the axis: b"));
}

TEST_CASE("figures: loss by domain, arms beside each other", "[analysis]") {
  const PlottedRuns runs(three_plotted_runs());
  const Panel panel = runs.figure("domains").panels[0];
  CHECK(panel.x.categories == std::vector<std::string>{"news", "code"});
  check_numbers(panel.series.at(0).y, {1.25, 2.25});
  check_numbers(panel.series[0].x, {-0.175, 0.825});
  check_numbers(panel.series.at(1).x, {0.175, 1.175});
  CHECK(panel.series[1].hollow);
}

TEST_CASE("figures: what is not complete or was not asked for is left out", "[analysis]") {
  const PlottedRuns runs({{.arm = "a"},
                          {.arm = "a", .seed = 1, .loss = 90, .status = "diverged"},
                          {.arm = "b", .status = "running"}});
  const Figure figure = runs.figure("loss");
  REQUIRE(figure.panels[0].series.size() == 1);
  check_numbers(figure.panels[0].series[0].y, {2.5, 2.25, 2});
  CHECK(has_note_of(figure, "diverged"));
  CHECK(has_note_of(figure, "running"));
  CHECK(runs.problem(Exit::data, "loss", {.arms = {"b"}}) ==
        "no run is complete, so there is nothing to show; moesim status says how far they are");
  CHECK(runs.problem(Exit::usage, "heatmp", {}) == "--figure heatmp: did you mean heatmap?");
  const PlottedRuns two({{.arm = "a"}, {.arm = "b"}});
  CHECK(two.figure("loss", {.arms = {"b"}}).panels[0].series.at(0).name == "b");
}

TEST_CASE("figures: more arms than styles are left out with a note", "[analysis]") {
  std::vector<PlottedRun> many;
  for (int i = 0; i < 50; ++i) many.push_back({.arm = "arm" + std::to_string(i)});
  const Figure figure = PlottedRuns(many).figure("loss");
  CHECK(figure.panels[0].series.size() == 45);
  CHECK(has_note_of(figure,
                    "45 arms are shown, the others not (--arm chooses): arm45, arm46, arm47, "
                    "arm48, arm49"));
}

}  // namespace moesim::testing
