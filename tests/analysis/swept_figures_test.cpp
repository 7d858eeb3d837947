// Tests figures of a metric against a setting: its axis, its series, and what settings are called.
#include "tests/analysis/plotted_runs.hpp"

#include <cmath>

namespace moesim::testing {

TEST_CASE("figures: one metric against the setting that varies", "[analysis]") {
  const PlottedRuns runs({{.seed = 0, .loss = 1.0, .capacity = 2},
                          {.seed = 1, .loss = 2.0, .capacity = 2},
                          {.seed = 0, .loss = 3.0, .capacity = 1}});
  const Figure figure = runs.figure("curves-by-key");
  const Panel& panel = figure.panels[0];
  CHECK(panel.x.title == "capacity");
  check_numbers(panel.x.ticks, {1, 2});
  REQUIRE(panel.series.size() == 1);
  check_numbers(panel.series[0].x, {1, 2});
  check_numbers(panel.series[0].y, {3, 1.5});
  const double s = 1 / std::sqrt(2.0);
  check_numbers(panel.series[0].low, {3, 1.5 - s});
  CHECK(panel.series[0].joined);
  // Before the last evaluation every loss was a quarter of a nat higher.
  check_numbers(runs.figure("curves-by-key", {.at = {At::Kind::step, 5}}).panels[0].series[0].y,
                {3.25, 1.75});
  check_numbers(runs.figure("curves-by-key", {.metric = "tokens_per_second"}).panels[0].series[0].y,
                {100, 100});
}

TEST_CASE("figures: a series for each combination of the other settings", "[analysis]") {
  const PlottedRuns runs({{.arm = "a", .loss = 1, .capacity = 1},
                          {.arm = "a", .loss = 2, .capacity = 2},
                          {.arm = "b", .loss = 3, .capacity = 1},
                          {.arm = "b", .loss = 4, .capacity = 2}});
  CHECK(runs.problem(Exit::usage, "curves-by-key", {}) ==
        "--figure curves-by-key: several settings vary, choose one with --key: note.arm, "
        "router.token_choice.capacity");
  const Panel panel =
      runs.figure("curves-by-key", {.key = "router.token_choice.capacity"}).panels[0];
  REQUIRE(panel.series.size() == 2);
  CHECK(panel.series[0].name == "arm = a");
  check_numbers(panel.series[1].y, {3, 4});
  // Texts are categories.
  const Panel by_arm = runs.figure("curves-by-key", {.key = "note.arm"}).panels[0];
  CHECK(by_arm.x.categories == std::vector<std::string>{"a", "b"});
  CHECK(runs.problem(Exit::usage, "curves-by-key", {.key = "router.token_choice.capacit"}) ==
        "--key router.token_choice.capacit: no run has this setting; did you mean "
        "router.token_choice.capacity?");
}

TEST_CASE("figures: a setting is called by its short name, dense arms are a line", "[analysis]") {
  const auto k = [](int value) { return "[moe]\nk = " + std::to_string(value) + "\n"; };
  std::vector<PlottedRun> all;
  for (const int value : {1, 2})
    for (const double capacity : {1.0, 2.0})
      all.push_back({.loss = value + capacity, .capacity = capacity, .more = k(value)});
  all.push_back({.arm = "dense", .loss = 7, .router = "dense"});
  const PlottedRuns runs(all);
  CHECK(runs.problem(Exit::usage, "curves-by-key", {}) ==
        "--figure curves-by-key: several settings vary, choose one with --key: moe.k, "
        "router.token_choice.capacity");
  CHECK(runs.problem(Exit::usage, "curves-by-key", {.key = "capacit"}) ==
        "--key capacit: no run has this setting; did you mean capacity?");
  const Panel panel = runs.figure("curves-by-key", {.key = "capacity"}).panels[0];
  REQUIRE(panel.series.size() == 3);
  CHECK(panel.series[0].name == "k = 1");
  check_numbers(panel.series[0].y, {2, 3});
  check_numbers(panel.series[1].y, {3, 4});
  CHECK(panel.series[2].guide);
  CHECK(panel.series[2].name == "dense");
  check_numbers(panel.series[2].y, {7, 7});
}

TEST_CASE("figures: settings that change together are one", "[analysis]") {
  std::vector<PlottedRun> all;
  for (const int value : {1, 2})
    all.push_back({.loss = 1.0 * value,
                   .capacity = 1.0 * value,
                   .more = "[zip]\nalso = " + std::to_string(10 * value) + "\n"});
  const PlottedRuns runs(all);
  for (const char* key : {"", "also", "capacity"}) {
    const Figure figure = runs.figure("curves-by-key", {.key = key});
    REQUIRE(figure.panels[0].series.size() == 1);
    check_numbers(figure.panels[0].series[0].y, {1, 2});
    CHECK(has_note_of(figure, " changes together with "));
  }
}

TEST_CASE("figures: a setting that only some arms have makes series", "[analysis]") {
  std::vector<PlottedRun> all;
  for (const double capacity : {1.0, 2.0}) {
    all.push_back({.loss = capacity, .capacity = capacity});
    all.push_back({.loss = 10 * capacity, .capacity = capacity, .more = "[train]\nclip = 0.5\n"});
  }
  const PlottedRuns runs(all);
  CHECK(runs.problem(Exit::usage, "curves-by-key", {}) ==
        "--figure curves-by-key: several settings vary, choose one with --key: "
        "router.token_choice.capacity, train.clip");
  const Panel panel = runs.figure("curves-by-key", {.key = "capacity"}).panels[0];
  REQUIRE(panel.series.size() == 2);
  CHECK(panel.series[0].name == "without clip");
  check_numbers(panel.series[0].y, {1, 2});
  CHECK(panel.series[1].name == "clip = 0.5");
  check_numbers(panel.series[1].y, {10, 20});
}

TEST_CASE("figures: routers with options of their own are series of these options", "[analysis]") {
  // The options of another router follow from its name; those that vary in one router do not.
  std::vector<PlottedRun> all;
  for (const double capacity : {1.0, 2.0}) all.push_back({.loss = capacity, .capacity = capacity});
  all.push_back({.loss = 5, .router = "dense"});
  const Panel panel = PlottedRuns(all).figure("curves-by-key", {.key = "router"}).panels[0];
  CHECK(panel.x.categories == std::vector<std::string>{"token_choice", "dense"});
  REQUIRE(panel.series.size() == 3);
  CHECK(panel.series[0].name == "capacity = 1.000000");
  CHECK(panel.series[2].name == "without capacity");
  check_numbers(panel.series[2].x, {1});
  check_numbers(panel.series[2].y, {5});
  // A setting that occurs with one value of the swept one changes together with it.
  const PlottedRuns zipped({{.capacity = 1}, {.capacity = 2, .more = "[train]\nclip = 0.5\n"}});
  const Figure figure = zipped.figure("curves-by-key", {.key = "capacity"});
  CHECK(figure.panels[0].series.size() == 1);
  CHECK(has_note_of(figure, "train.clip changes together with router.token_choice.capacity"));
}

}  // namespace moesim::testing
