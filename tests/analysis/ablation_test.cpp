// Tests the ablation table: order of rows, other metrics, grids, notes.
#include "analysis/tables/ablation.hpp"

#include "analysis/tables/grid.hpp"
#include "sim/core/error.hpp"
#include "tests/analysis/outcomes.hpp"

#include <map>
#include <set>

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;
using Settings = std::map<std::string, std::string>;

void add(std::vector<Outcome>& outcomes, const std::string& arm, Settings settings, double loss,
         int seeds = 3) {
  settings["router.name"] = arm == "dense" ? "dense" : "token_choice";
  for (int seed = 0; seed < seeds; ++seed) {
    Outcome run =
        outcome(arm, seed, loss + 0.01 * seed + (arm == "dense" ? 0 : 0.001 * (seed % 2)));
    run.router = settings["router.name"];
    run.settings = settings;
    run.has_config = true;
    run.load_cv = loss / 10;
    outcomes.push_back(run);
  }
}

Texts keys_of(const Table& table) {
  Texts keys;
  for (const Column& column : table.columns) keys.push_back(column.key);
  return keys;
}

Texts texts_in(const Table& table, std::size_t column) {
  Texts texts;
  for (const auto& row : table.rows) {
    const auto* text = std::get_if<std::string>(&row[column]);
    texts.push_back(text == nullptr ? "-" : *text);
  }
  return texts;
}

const std::string kK = "router.token_choice.k", kFactor = "router.token_choice.capacity_factor";

}  // namespace

TEST_CASE("ablation: the baseline, then a row per value, by what changes", "[analysis]") {
  std::vector<Outcome> outcomes;
  for (const char* factor : {"10", "2", "0.5"})
    add(outcomes, std::string("cf=") + factor, {{kFactor, factor}, {kK, "1"}}, 1.9);
  add(outcomes, "dense", {}, 2);
  const Table table = ablation_table(outcomes, {});
  CHECK(keys_of(table) == Texts{"arm", "router.name", kFactor, "seeds", "eval_loss",
                                "eval_loss_difference", "eval_loss_interval", "p_holm", "sees",
                                "leak"});  // k is the same wherever it is set
  CHECK(texts_in(table, 0) == Texts{"dense", "cf=0.5", "cf=2", "cf=10"});  // numbers by size
  CHECK(texts_in(table, 2) == Texts{"-", "0.5", "2", "10"});
  CHECK(std::holds_alternative<std::monostate>(cell(table, 0, "eval_loss_difference")));
  require_sample(cell(table, 1, "eval_loss_difference"), 3, -0.1 + 0.001 / 3, 0.001 / std::sqrt(3));
  CHECK(std::get<double>(cell(table, 1, "p_holm")) < 0.001);
  CHECK(table.columns[5].title == "vs dense");
}

TEST_CASE("ablation: a setting that a config leaves out at its default is a column", "[analysis]") {
  const Settings base = {{"adapter.kind", "lora"}, {"adapter.rank", "8"}, {kK, "1"}};
  const auto columns = [&](const std::vector<Settings>& changes, const Settings& start) {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < changes.size(); ++i) {
      Settings settings = start;
      for (const auto& [key, value] : changes[i]) settings[key] = value;
      add(outcomes, "arm" + std::to_string(i), settings, 1.9);
    }
    const Table table = ablation_table(outcomes, {});
    const Texts keys = keys_of(table);
    CHECK(texts_in(table, 1)[0] == "-");
    return Texts(keys.begin() + 1, std::find(keys.begin(), keys.end(), "seeds"));
  };
  CHECK(columns({{}, {{"adapter.targets", "*.moe.*"}}}, base) == Texts{"adapter.targets"});
  CHECK(columns({{}, {{"adapter.dropout", "0.5"}}, {{"freeze.decay", "0.1"}}}, base) ==
        Texts{"adapter.dropout", "freeze.decay"});
  // Another difference tells these apart, but it does not explain freeze.rate.
  CHECK(columns({{}, {{"freeze.rate", "*.moe.*:0.5"}, {kK, "2"}}}, base) ==
        Texts{"freeze.rate", kK});
  // The kind explains the rank, in arms without adapters too.
  CHECK(columns({{}, {{"adapter.kind", "lora"}, {"adapter.rank", "8"}}}, {{kK, "1"}}) ==
        Texts{"adapter.kind"});
}

TEST_CASE("ablation: another metric is compared by seed as well", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {}, 2);
  add(outcomes, "cf=1", {{kFactor, "1"}}, 1.9);
  add(outcomes, "cf=2", {{kFactor, "2"}}, 1.8);
  const Table table = ablation_table(outcomes, {.metric = "load_cv"});
  CHECK_THAT(number(table, 1, "load_cv"), WithinAbs(0.19, 1e-12));
  CHECK_THAT(std::get<Sample>(cell(table, 1, "load_cv_difference")).mean, WithinAbs(-0.01, 1e-12));
  CHECK(table.bold.empty());
  CHECK_THROWS_AS(ablation_table(outcomes, {.metric = "lod_cv"}), Error);
  CHECK_THROWS_AS(ablation_table(outcomes, {.baseline = "none"}), Error);
  CHECK_THROWS_AS(ablation_table(outcomes, {.arms = {"none"}}), Error);
}

TEST_CASE("ablation: no limit comes after every limit", "[analysis]") {
  std::vector<Outcome> outcomes;
  for (const char* factor : {"0", "1.25", "0.5"})
    add(outcomes, std::string("cf=") + factor, {{kFactor, factor}}, 2);
  CHECK(texts_in(ablation_table(outcomes, {.baseline = "cf=0.5"}), 0) ==
        Texts{"cf=0.5", "cf=1.25", "cf=0"});
  CHECK(value_before("router.x.k", "0", "1"));
  CHECK(value_before("router.x.capacity_factor_eval", "2", "0.0"));
}

TEST_CASE("ablation: two settings make a grid", "[analysis]") {
  std::vector<Outcome> outcomes;
  for (const char* factor : {"1", "2"})
    for (const char* k : {"8", "16", "4"})
      add(outcomes, std::string("cf=") + factor + " k=" + k, {{kFactor, factor}, {kK, k}},
          std::stod(factor) + std::stod(k) / 10);
  const Table alone = ablation_table(outcomes, {});
  CHECK(keys_of(alone) == Texts{kFactor, "router_token_choice_k_4", "router_token_choice_k_8",
                                "router_token_choice_k_16"});
  CHECK(texts_in(alone, 0) == Texts{"1", "2"});
  CHECK(alone.columns[0].title == "capacity_factor \\ k");
  CHECK(alone.columns[1].title == "k = 4");
  CHECK_THAT(std::get<Sample>(alone.rows[1][3]).mean, WithinAbs(2 + 1.6 + 0.01 + 0.001 / 3, 1e-12));
  CHECK(alone.bold == std::set<Table::Place>{{0, 1}});
  CHECK(has_note(alone, "loss by " + kFactor + " (rows) and " + kK + " (columns)"));
  CHECK(has_note(alone, "mean ± sample standard deviation over 3 seeds of each arm"));
  // The dense model is no point of it.
  add(outcomes, "dense", {}, 3);
  const Table with_baseline = ablation_table(outcomes, {});
  CHECK(texts_in(with_baseline, 0) == Texts{"dense", "1", "2"});
  for (const std::size_t column : {1, 2, 3})
    require_sample(with_baseline.rows[0][column], 3, 3.01, 0.01);
  CHECK(with_baseline.bold == std::set<Table::Place>{{1, 1}});
  CHECK(has_note(with_baseline,
                 "dense is the baseline and outside the grid: its row has one number"));
  CHECK(ablation_table(outcomes, {.rows = true}).rows.size() == 7);
  // A hole is a hole; settings that change together are no grid.
  CHECK(ablation_table({outcomes.begin(), outcomes.begin() + 15}, {}).rows.size() == 2);
  const Table diagonal = ablation_table(outcomes, {.arms = {"cf=1 k=8", "cf=2 k=4"}});
  CHECK(keys_of(diagonal)[0] == "arm");
}

TEST_CASE("ablation: settings that change together are one axis of a grid", "[analysis]") {
  std::vector<Outcome> outcomes;
  const std::string eval = kFactor + "_eval";
  const auto add_all = [&](bool alike) {
    outcomes.clear();
    add(outcomes, "dense", {}, 2);
    for (const char* factor : {"0.5", "2", "10"})
      for (const char* k : {"1", "2"})
        add(outcomes, std::string("cf=") + factor + " k=" + k,
            {{kFactor, factor}, {eval, alike ? factor : std::string(factor) + "5"}, {kK, k}}, 1.9);
  };
  add_all(true);
  const Table table = ablation_table(outcomes, {});
  CHECK(texts_in(table, 0) == Texts{"dense", "0.5", "2", "10"});
  CHECK(keys_of(table) == Texts{kFactor, "router_token_choice_k_1", "router_token_choice_k_2"});
  CHECK(table.columns[0].title == "capacity_factor, capacity_factor_eval \\ k");
  CHECK(has_note(table, "loss by " + kFactor + ", " + eval + " (rows) and " + kK + " (columns)"));
  add_all(false);
  CHECK(texts_in(ablation_table(outcomes, {}), 0) ==
        Texts{"dense", "0.5 / 0.55", "2 / 25", "10 / 105"});
  // A third setting that changes by itself makes rows of arms.
  for (Outcome& run : outcomes)
    if (run.arm == "cf=2 k=1") run.settings[eval] = "7";
  CHECK(keys_of(ablation_table(outcomes, {}))[0] == "arm");
}

TEST_CASE("ablation: notes are about what the table shows", "[analysis]") {
  std::vector<Outcome> outcomes;
  for (const char* factor : {"1", "2"})
    for (const char* k : {"1", "2"})
      add(outcomes, std::string("cf=") + factor + " k=" + k,
          {{kFactor, factor}, {kFactor + "_eval", "2"}, {kK, k}}, 1.9);
  const std::string capacity =
      "evaluated with capacity factor 2 (capacity_factor_eval), trained with 1: eval drops are "
      "not those of training";
  const Table loss = ablation_table(outcomes, {}),
              drops = ablation_table(outcomes, {.metric = "drops_percent"});
  CHECK(notes_with(loss, "lowest loss") == 1);
  CHECK_FALSE(has_note(loss, capacity));
  CHECK(notes_with(drops, "lowest loss") == 0);
  CHECK(notes_with(drops, "separable") == 0);
  CHECK(has_note(drops, capacity));
  CHECK(has_note(drops, "mean over 3 seeds of each arm"));
  CHECK(has_note(drops, "eval drops % by " + kFactor + " (rows) and " + kK + " (columns)"));
  // Capacity in tokens takes the place of the factor.
  const Table routers = comparison(outcomes, "");
  CHECK(has_note(routers, capacity));
  for (Outcome& run : outcomes) run.settings["router.token_choice.capacity"] = "8";
  CHECK_FALSE(has_note(comparison(outcomes, ""), capacity));
}

TEST_CASE("ablation: a leaking arm is no best one, and its cell says why", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {}, 2);
  add(outcomes, "cf=1", {{kFactor, "1"}}, 1.9);
  add(outcomes, "cf=2", {{kFactor, "2"}}, 1.0);
  for (Outcome& run : outcomes) run.looks_ahead = run.arm == "cf=2";
  const Table table = ablation_table(outcomes, {});
  const std::size_t loss = 4;
  CHECK(table.bold == std::set<Table::Place>{{1, loss}});
  const auto notes = table.references.at({2, loss});
  REQUIRE(notes.size() == 1);
  CHECK(table.notes[*notes.begin()] ==
        "leaks (a token's output depends on later tokens), so its loss is not comparable: cf=2");
}

}  // namespace moesim::testing
