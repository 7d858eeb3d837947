// Tests figures of small run files, against numbers worked out by hand.
#include "analysis/figures/build.hpp"
#include "analysis/figures/ranges.hpp"
#include "analysis/figures/ticks.hpp"
#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

using Type = Variable::Type;
using Values = std::vector<double>;

struct Made {
  std::string arm = "a";
  std::int64_t seed = 0;
  double loss = 2;      // at the last evaluation
  double capacity = 1;  // a setting
  double speed = 100;   // tokens per second
  double flops = 10;    // per token
  double leak = 0;
  std::string status = "complete";
  Values load = {6, 2, 4, 4};  // of the last evaluation: two layers, two experts
  std::string more = "";       // of the config
  bool drops = true;
  bool uniform = false;  // load of records
  std::string router = "token_choice";
};

// 10 steps of 100 tokens, evaluations after 0, 5 and 10 steps, records of steps 0, 4 and 8.
RunFile run_of(const Made& made) {
  RunFile run;
  run.attribute("status", made.status);
  run.attribute("arm", made.arm);
  run.attribute("router", std::string("token_choice"));
  run.attribute("plan_kind", std::string("assignment"));
  run.attribute("seed", made.seed);
  run.attribute("leak", made.leak);
  run.attribute("causal", std::int64_t{1});
  run.attribute("flops_per_token", made.flops);
  run.attribute("data_sha256", std::string("d"));
  run.attribute(
      "config",
      "[run]\nseed = " + std::to_string(made.seed) + "\n[router]\nname = " + made.router +
          (made.router == "dense"
               ? std::string("\n")
               : "\n[router.token_choice]\ncapacity = " + std::to_string(made.capacity) + "\n") +
          "[note]\narm = " + made.arm + "\n" + made.more);
  Values steps, tokens, seconds;
  for (int i = 0; i < 10; ++i) {
    steps.push_back(i);
    tokens.push_back(100 * (i + 1));
    seconds.push_back(100 / made.speed);
  }
  run.put(variable("step", Type::int64, {"step"}, {10}, steps));
  run.put(variable("tokens", Type::int64, {"step"}, {10}, tokens));
  run.put(variable("seconds", Type::float64, {"step"}, {10}, seconds));
  run.put(variable("eval_step", Type::int64, {"eval"}, {3}, {0, 5, 10}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {3}, {2.5, made.loss + 0.25, made.loss}));
  run.put(variable("layer", Type::int32, {"layer"}, {2}, {1, 3}));
  run.put(variable("expert", Type::int32, {"expert"}, {2}, {0, 1}));
  const Values& l = made.load;
  Values loads = {4, 4, 4, 4, 4, 4, 4, 4};
  loads.insert(loads.end(), l.begin(), l.end());
  run.put(variable("eval_load", Type::float64, {"eval", "layer", "expert"}, {3, 2, 2}, loads));
  run.put(variable("eval_demand", Type::float64, {"eval", "layer", "expert"}, {3, 2, 2}, loads));
  run.put(variable("eval_assignments", Type::float64, {"eval", "layer"}, {3, 2},
                   {8, 8, 8, 8, l[0] + l[1], l[2] + l[3]}));
  run.put(variable("eval_dropped", Type::float64, {"eval", "layer"}, {3, 2}, {0, 0, 0, 0, 0, 0}));
  run.put(variable("record_step", Type::int64, {"record"}, {3}, {0, 4, 8}));
  // 2 of 10 and 1 of 10 dropped: 15 %; then none, then 4 and 0: 20 %.
  const Values demand = made.uniform ? Values(12, 5) : Values{8, 2, 6, 4, 5, 5, 5, 5, 7, 3, 9, 1};
  const bool drops = made.drops && !made.uniform;
  run.put(variable("load", Type::float64, {"record", "layer", "expert"}, {3, 2, 2},
                   drops ? Values{6, 2, 5, 4, 5, 5, 5, 5, 3, 3, 9, 1} : demand));
  run.put(variable("demand", Type::float64, {"record", "layer", "expert"}, {3, 2, 2}, demand));
  run.put(variable("assignments", Type::float64, {"record", "layer"}, {3, 2},
                   {10, 10, 10, 10, 10, 10}));
  run.put(variable("dropped", Type::float64, {"record", "layer"}, {3, 2},
                   drops ? Values{2, 1, 0, 0, 4, 0} : Values(6)));
  const double half = 0.5 * std::log(2);
  run.put(variable("router_entropy", Type::float64, {"record", "layer"}, {3, 2},
                   {std::log(2), half, half, half, half, 0}));
  run.put({.name = "domain",
           .type = Type::text,
           .dims = {"domain"},
           .shape = {2},
           .values = {},
           .texts = {"news", "code"},
           .long_name = "",
           .units = ""});
  run.put(variable("domain_loss", Type::float64, {"eval", "domain"}, {3, 2},
                   {9, 9, 9, 9, made.loss, made.loss + 1}));
  return run;
}

class Runs {
 public:
  explicit Runs(const std::vector<Made>& all) {
    for (std::size_t i = 0; i < all.size(); ++i) {
      request.paths.push_back(folder_ / (std::to_string(i) + ".h5"));
      run_of(all[i]).publish(request.paths.back());
    }
  }
  Figure figure(const std::string& name, const FigureOptions& options = {}) const {
    return figure_of(name, request, options);
  }
  std::string problem(Exit code, const std::string& name, const FigureOptions& options) const {
    try {
      figure(name, options);
    } catch (const Error& error) {
      CHECK(error.code() == code);
      return error.what();
    }
    return "";
  }

  Request request;

 private:
  TemporaryFolder folder_;
};

void check_values(const Values& values, const Values& expected) {
  CAPTURE(values, expected);
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i)
    CHECK_THAT(values[i], WithinAbs(expected[i], 1e-12));
}

bool notes_have(const Figure& figure, const std::string& words) {
  return std::any_of(figure.notes.begin(), figure.notes.end(), [&](const std::string& note) {
    return note.find(words) != std::string::npos;
  });
}

// Of a sweep: seeds 0 and 1 of a, seed 0 of b, which looks ahead.
std::vector<Made> three_runs() {
  return {{.arm = "a", .seed = 0, .loss = 1.0, .speed = 100, .load = {6, 2, 4, 4}},
          {.arm = "a", .seed = 1, .loss = 1.5, .speed = 300, .load = {1, 3, 8, 0}},
          {.arm = "b", .seed = 0, .loss = 0.5, .leak = 0.25}};
}

}  // namespace

TEST_CASE("figures: loss is a mean over seeds with one standard deviation", "[analysis]") {
  const Runs runs(three_runs());
  const Figure figure = runs.figure("loss");
  REQUIRE(figure.panels.size() == 1);
  const Panel& panel = figure.panels[0];
  REQUIRE(panel.series.size() == 2);
  const Series& a = panel.series[0];
  CHECK(a.name == "a");
  check_values(a.x, {0, 5, 10});
  check_values(a.y, {2.5, 1.5, 1.25});
  // Sample standard deviation of 1.0 and 1.5: 0.5 / sqrt(2).
  const double s = 0.5 / std::sqrt(2.0);
  check_values(a.low, {2.5, 1.5 - s, 1.25 - s});
  check_values(a.high, {2.5, 1.5 + s, 1.25 + s});
  CHECK(panel.series[1].name == "b (leaks)");
  CHECK(panel.series[1].low.empty());
  CHECK(panel.series[1].style != a.style);
  CHECK(notes_have(figure, "one seed, so no deviation is shown: b"));
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
  const Runs runs(three_runs());
  const auto x_of = [&](const std::string& x, const std::string& figure) {
    return runs.figure(figure, {.x = x}).panels[0].series[0].x;
  };
  // An evaluation comes after its steps, a record with its step; a's seeds take 1 and 1/3 s a step.
  check_values(x_of("tokens", "loss"), {0, 500, 1000});
  check_values(x_of("flops", "loss"), {0, 5000, 10000});
  check_values(x_of("seconds", "loss"), {0, 10.0 / 3, 20.0 / 3});
  check_values(x_of("steps", "drops"), {0, 4, 8});
  check_values(x_of("tokens", "drops"), {100, 500, 900});
  CHECK(runs.problem(Exit::usage, "loss", {.x = "step"}) == "--x step: did you mean steps?");
}

TEST_CASE("figures: training loss of many steps is thinned by means", "[analysis]") {
  TemporaryFolder folder;
  RunFile run = run_of({});
  Values steps, losses;
  for (int i = 0; i < 450; ++i) {
    steps.push_back(i);
    losses.push_back(i);
  }
  run.put(variable("step", Type::int64, {"step"}, {450}, steps));
  run.put(variable("task_loss", Type::float64, {"step"}, {450}, losses));
  run.put(variable("tokens", Type::int64, {"step"}, {450}, steps));
  run.put(variable("seconds", Type::float64, {"step"}, {450}, steps));
  run.publish(folder / "run.h5");
  const Figure figure =
      figure_of("loss", {.paths = {folder / "run.h5"}}, {.quantity = "task_loss"});
  const Series& series = figure.panels[0].series[0];
  REQUIRE(series.x.size() == 150);
  CHECK(series.x[1] == 4);  // of steps 3, 4 and 5
  CHECK(series.y[149] == 448);
  CHECK(notes_have(figure, "each point is the mean over 3 steps"));
}

TEST_CASE("figures: experts of several seeds are ranked before they are averaged", "[analysis]") {
  const Runs runs(three_runs());
  const Figure figure = runs.figure("heatmap");
  REQUIRE(figure.panels.size() == 2);
  const HeatMap& map = figure.panels[0].map;
  CHECK(map.neutral == 1);
  CHECK(map.rows == std::vector<std::string>{"1", "3"});
  CHECK(map.columns == std::vector<std::string>{"1", "2"});
  // Seed 0: 1.5 0.5 / 1 1; seed 1: 0.5 1.5 / 2 0, ranked 1.5 0.5 / 2 0.
  check_values(map.values, {1.5, 0.5, 1.5, 0.5});
  const Figure one = runs.figure("heatmap", {.arms = {"a"}, .seed = 1});
  check_values(one.panels.at(0).map.values, {0.5, 1.5, 2, 0});
  CHECK(one.panels[0].map.columns == std::vector<std::string>{"0", "1"});
  const Figure layer = runs.figure("heatmap", {.arms = {"a"}, .layers = {3}});
  CHECK(layer.panels.at(0).map.rows == std::vector<std::string>{"3"});
  // Before the last evaluation all were balanced.
  check_values(runs.figure("heatmap", {.at = {At::Kind::step, 5}}).panels[0].map.values,
               {1, 1, 1, 1});
  CHECK(runs.problem(Exit::usage, "heatmap", {.layers = {7}}) ==
        "--layer 7: no run that is shown has this MoE layer; there are 1, 3");
}

TEST_CASE("figures: load of few experts is of one seed", "[analysis]") {
  const Runs runs(three_runs());
  const Figure figure = runs.figure("load", {.arms = {"a"}});
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].title == "layer 1");
  const auto& series = figure.panels[0].series;
  REQUIRE(series.size() == 3);  // the line of uniform load comes first
  CHECK(series[0].guide);
  check_values(series[0].y, {1, 1});
  CHECK(series[1].name == "expert 0");
  check_values(series[1].x, {0, 4, 8});
  check_values(series[1].y, {1.5, 1, 1});
  check_values(figure.panels[1].series[2].y, {8.0 / 9, 1, 0.2});
  CHECK(notes_have(figure, "curves are of seed 0 alone, because"));
  for (const char* name : {"load", "heatmap"})
    CHECK(runs.problem(Exit::usage, name, {.seed = 9}) ==
          "--seed 9: no run that is shown has this seed; there are 0, 1");
  CHECK(runs.figure("load").panels.at(0).title == "a, layer 1");
}

TEST_CASE("figures: of plans that mix, the load is combine mass", "[analysis]") {
  TemporaryFolder folder;
  RunFile run = run_of({});
  run.attribute("plan_kind", std::string("mixing"));
  run.put(variable("importance", Type::float64, {"record", "layer", "expert"}, {3, 2, 2},
                   {1, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3}));
  run.publish(folder / "run.h5");
  const Request request{.paths = {folder / "run.h5"}};
  const Figure figure = figure_of("load", request, {});
  check_values(figure.panels.at(0).series.at(1).y, {0.5, 1, 1});
  check_values(figure.panels.at(1).series.at(1).y, {1, 1, 0.5});
  CHECK(notes_have(figure, "the load is combine mass"));
  check_values(figure_of("load", request, {.quantity = "load"}).panels.at(0).series.at(1).y,
               {1.5, 1, 1});
}

TEST_CASE("figures: load of many experts is shown by quantiles", "[analysis]") {
  TemporaryFolder folder;
  RunFile run = run_of({});
  // 21 experts with 0, 1, ..., 20 rows: the mean is 10.
  Values loads;
  for (int i = 0; i < 21; ++i) loads.push_back(i);
  run.put(variable("expert", Type::int32, {"expert"}, {21}, loads));
  for (const char* name : {"load", "demand"})
    run.put(variable(name, Type::float64, {"record", "layer", "expert"}, {1, 1, 21}, loads));
  for (const char* name : {"eval_load", "eval_demand"})
    run.put(variable(name, Type::float64, {"eval", "layer", "expert"}, {1, 1, 21}, loads));
  run.put(variable("layer", Type::int32, {"layer"}, {1}, {0}));
  run.put(variable("record_step", Type::int64, {"record"}, {1}, {0}));
  for (const char* name : {"assignments", "dropped", "router_entropy"})
    run.put(variable(name, Type::float64, {"record", "layer"}, {1, 1},
                     {std::string(name) == "assignments" ? 210.0 : 0}));
  for (const char* name : {"eval_assignments", "eval_dropped"})
    run.put(variable(name, Type::float64, {"eval", "layer"}, {1, 1},
                     {std::string(name) == "eval_assignments" ? 210.0 : 0}));
  run.put(variable("eval_step", Type::int64, {"eval"}, {1}, {10}));
  run.put(variable("eval_loss", Type::float64, {"eval"}, {1}, {1}));
  run.put(variable("domain_loss", Type::float64, {"eval", "domain"}, {1, 2}, {1, 1}));
  run.publish(folder / "run.h5");
  const Figure figure = figure_of("load", {.paths = {folder / "run.h5"}}, {});
  const auto& series = figure.panels.at(0).series;
  REQUIRE(series.size() == 4);
  // numpy.quantile(numpy.arange(21) / 10, [0, .1, .5, .9, 1]) = 0, 0.2, 1, 1.8, 2
  CHECK(series[1].band_only);
  check_values(series[1].low, {0});
  check_values(series[1].high, {2});
  check_values(series[2].low, {0.2});
  check_values(series[2].high, {1.8});
  CHECK(series[3].name == "median expert");
  check_values(series[3].y, {1});
}

TEST_CASE("figures: drops in percent and entropy over log E", "[analysis]") {
  const Runs runs({{.arm = "a"}});
  check_values(runs.figure("drops").panels[0].series.at(0).y, {15, 0, 20});
  check_values(runs.figure("drops", {.layers = {3}}).panels[0].series.at(0).y, {10, 0, 0});
  check_values(runs.figure("entropy").panels[0].series.at(0).y, {0.75, 0.5, 0.25});
  CHECK(runs.problem(Exit::data, "drops", {.quantity = "eval_dropped"}) ==
        "drop nothing: a, so there is no curve to show");
  CHECK(runs.problem(Exit::usage, "drops", {.quantity = "loss"}) ==
        "--quantity loss: choose dropped (of training batches) or eval_dropped (of evaluations)");
}

TEST_CASE("figures: the Pareto frontier has what no other beats in both", "[analysis]") {
  const Runs runs({{.arm = "a", .loss = 2.0, .speed = 400, .flops = 10},
                   {.arm = "b", .loss = 1.0, .speed = 100, .flops = 40},
                   {.arm = "c", .loss = 1.5, .speed = 200, .flops = 20},
                   {.arm = "d", .loss = 1.75, .speed = 200, .flops = 30},
                   {.arm = "e", .loss = 0.5, .speed = 200, .flops = 10, .leak = 1}});
  const Figure figure = runs.figure("pareto");
  REQUIRE(figure.panels.size() == 2);
  const Series& by_speed = figure.panels[0].series.back();
  CHECK(by_speed.guide);
  // From the fastest arm to the slowest, d and the arm that leaks left out.
  check_values(by_speed.x, {400, 200, 200, 100, 100});
  check_values(by_speed.y, {2, 2, 1.5, 1.5, 1});
  const Series& by_flops = figure.panels[1].series.back();
  check_values(by_flops.x, {10, 20, 20, 40, 40});
  check_values(by_flops.y, {2, 2, 1.5, 1.5, 1});
  CHECK(figure.panels[0].series[4].hollow);
  CHECK(notes_have(figure, "leaks, so not part of the frontier (hollow): e"));
}

TEST_CASE("figures: speeds are medians over seeds, from the slowest to the fastest", "[analysis]") {
  const Runs runs({{.arm = "a", .seed = 0, .loss = 1, .speed = 100},
                   {.arm = "a", .seed = 1, .loss = 2, .speed = 900},
                   {.arm = "a", .seed = 2, .loss = 3, .speed = 200}});
  const Figure figure = runs.figure("pareto");
  const Series& a = figure.panels.at(0).series.at(0);
  check_values(a.x, {200});
  check_values(a.x_low, {100});
  check_values(a.x_high, {900});
  check_values(a.y, {2});
  check_values(a.low, {1});
  CHECK(notes_have(figure, "bars from the slowest seed to the fastest"));
}

TEST_CASE("figures: arms that drop nothing are curves at zero", "[analysis]") {
  const Figure figure = Runs({{.arm = "a"}, {.arm = "b", .drops = false}}).figure("drops");
  REQUIRE(figure.panels.at(0).series.size() == 2);
  CHECK(figure.panels[0].series[1].name == "b");
  check_values(figure.panels[0].series[1].y, {0, 0, 0});
  CHECK(notes_have(figure, "drop nothing, so their curves lie on the axis: b"));
}

TEST_CASE("figures: arms of uniform load are left out of load, unless asked for", "[analysis]") {
  const Runs runs({{.arm = "a"}, {.arm = "b", .uniform = true}});
  const Figure figure = runs.figure("load");
  REQUIRE(figure.panels.size() == 2);
  CHECK(figure.panels[0].title == "layer 1");
  CHECK(notes_have(figure, "uniform in all layers, not shown (--arm shows it): b"));
  CHECK(runs.figure("load", {.arms = {"a", "b"}}).panels.size() == 4);
  CHECK(Runs({{.arm = "b", .uniform = true}}).figure("load").panels.size() == 2);
}

TEST_CASE("figures: loss by domain, arms beside each other", "[analysis]") {
  const Runs runs(three_runs());
  const Panel panel = runs.figure("domains").panels[0];
  CHECK(panel.x.categories == std::vector<std::string>{"news", "code"});
  check_values(panel.series.at(0).y, {1.25, 2.25});
  check_values(panel.series[0].x, {-0.175, 0.825});
  check_values(panel.series.at(1).x, {0.175, 1.175});
  CHECK(panel.series[1].hollow);
}

TEST_CASE("figures: one metric against the setting that varies", "[analysis]") {
  const Runs runs({{.seed = 0, .loss = 1.0, .capacity = 2},
                   {.seed = 1, .loss = 2.0, .capacity = 2},
                   {.seed = 0, .loss = 3.0, .capacity = 1}});
  const Figure figure = runs.figure("curves-by-key");
  const Panel& panel = figure.panels[0];
  CHECK(panel.x.title == "capacity");
  check_values(panel.x.ticks, {1, 2});
  REQUIRE(panel.series.size() == 1);
  check_values(panel.series[0].x, {1, 2});
  check_values(panel.series[0].y, {3, 1.5});
  const double s = 1 / std::sqrt(2.0);
  check_values(panel.series[0].low, {3, 1.5 - s});
  CHECK(panel.series[0].joined);
  // Before the last evaluation every loss was a quarter of a nat higher.
  check_values(runs.figure("curves-by-key", {.at = {At::Kind::step, 5}}).panels[0].series[0].y,
               {3.25, 1.75});
  check_values(runs.figure("curves-by-key", {.metric = "tokens_per_second"}).panels[0].series[0].y,
               {100, 100});
}

TEST_CASE("figures: a series for each combination of the other settings", "[analysis]") {
  const Runs runs({{.arm = "a", .loss = 1, .capacity = 1},
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
  check_values(panel.series[1].y, {3, 4});
  // Texts are categories.
  const Panel by_arm = runs.figure("curves-by-key", {.key = "note.arm"}).panels[0];
  CHECK(by_arm.x.categories == std::vector<std::string>{"a", "b"});
  CHECK(runs.problem(Exit::usage, "curves-by-key", {.key = "router.token_choice.capacit"}) ==
        "--key router.token_choice.capacit: no run has this setting; did you mean "
        "router.token_choice.capacity?");
}

TEST_CASE("figures: a setting is called by its short name, dense arms are a line", "[analysis]") {
  const auto k = [](int value) { return "[moe]\nk = " + std::to_string(value) + "\n"; };
  std::vector<Made> all;
  for (const int value : {1, 2})
    for (const double capacity : {1.0, 2.0})
      all.push_back({.loss = value + capacity, .capacity = capacity, .more = k(value)});
  all.push_back({.arm = "dense", .loss = 7, .router = "dense"});
  const Runs runs(all);
  CHECK(runs.problem(Exit::usage, "curves-by-key", {}) ==
        "--figure curves-by-key: several settings vary, choose one with --key: moe.k, "
        "router.token_choice.capacity");
  CHECK(runs.problem(Exit::usage, "curves-by-key", {.key = "capacit"}) ==
        "--key capacit: no run has this setting; did you mean capacity?");
  const Panel panel = runs.figure("curves-by-key", {.key = "capacity"}).panels[0];
  REQUIRE(panel.series.size() == 3);
  CHECK(panel.series[0].name == "k = 1");
  check_values(panel.series[0].y, {2, 3});
  check_values(panel.series[1].y, {3, 4});
  CHECK(panel.series[2].guide);
  CHECK(panel.series[2].name == "dense");
  check_values(panel.series[2].y, {7, 7});
}

TEST_CASE("figures: settings that change together are one", "[analysis]") {
  std::vector<Made> all;
  for (const int value : {1, 2})
    all.push_back({.loss = 1.0 * value,
                   .capacity = 1.0 * value,
                   .more = "[zip]\nalso = " + std::to_string(10 * value) + "\n"});
  const Runs runs(all);
  for (const char* key : {"", "also", "capacity"}) {
    const Figure figure = runs.figure("curves-by-key", {.key = key});
    REQUIRE(figure.panels[0].series.size() == 1);
    check_values(figure.panels[0].series[0].y, {1, 2});
    CHECK(notes_have(figure, " changes together with "));
  }
}

TEST_CASE("figures: what is not complete or was not asked for is left out", "[analysis]") {
  const Runs runs({{.arm = "a"},
                   {.arm = "a", .seed = 1, .loss = 90, .status = "diverged"},
                   {.arm = "b", .status = "running"}});
  const Figure figure = runs.figure("loss");
  REQUIRE(figure.panels[0].series.size() == 1);
  check_values(figure.panels[0].series[0].y, {2.5, 2.25, 2});
  CHECK(notes_have(figure, "diverged"));
  CHECK(notes_have(figure, "running"));
  CHECK(runs.problem(Exit::data, "loss", {.arms = {"b"}}) ==
        "no run is complete, so there is nothing to show; moesim status says how far they are");
  CHECK(runs.problem(Exit::usage, "heatmp", {}) == "--figure heatmp: did you mean heatmap?");
  const Runs two({{.arm = "a"}, {.arm = "b"}});
  CHECK(two.figure("loss", {.arms = {"b"}}).panels[0].series.at(0).name == "b");
}

TEST_CASE("figures: more arms than styles are left out with a note", "[analysis]") {
  std::vector<Made> many;
  for (int i = 0; i < 50; ++i) many.push_back({.arm = "arm" + std::to_string(i)});
  const Figure figure = Runs(many).figure("loss");
  CHECK(figure.panels[0].series.size() == 45);
  CHECK(notes_have(figure,
                   "45 arms are shown, the others not (--arm chooses): arm45, arm46, arm47, "
                   "arm48, arm49"));
}

}  // namespace moesim::testing
