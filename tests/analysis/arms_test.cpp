// Tests how runs are grouped into arms, and how arms are named.
#include "analysis/runs/arms.hpp"

#include "analysis/tables/routers.hpp"
#include "sim/core/error.hpp"
#include "tests/support/catch.hpp"

#include <string>
#include <vector>

namespace moesim {
namespace {

// A run of token choice with these k and capacity, trained under some label.
Outcome run_of(const std::string& label, int k, int capacity, std::int64_t seed,
               const std::string& more = "") {
  RunFile file;
  file.attribute("status", std::string("complete"));
  file.attribute("arm", label);
  file.attribute("router", std::string("token_choice"));
  file.attribute("seed", seed);
  file.attribute("data_sha256", std::string("d"));
  file.attribute("config", "[run]\nname = a" + label + "\nseed = " + std::to_string(seed) +
                               "\n[router.token_choice]\nk = " + std::to_string(k) +
                               "\ncapacity_factor = " + std::to_string(capacity) + "\n" + more);
  return outcome_of({"run.h5", file});
}

// The name of the arm of each.
std::vector<std::string> names_of(const std::vector<Outcome>& outcomes) {
  std::vector<std::string> names(outcomes.size());
  for (const Arm& arm : arms_of(outcomes))
    for (const Outcome* run : arm.runs)
      names[static_cast<std::size_t>(run - outcomes.data())] = arm.name;
  return names;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("arms: runs that differ in their seed alone are one, whatever their labels",
          "[analysis]") {
  CHECK(names_of({run_of("k=2 capacity_factor=1", 2, 1, 0), run_of("token_choice", 2, 1, 1)}) ==
        Texts{"k=2 capacity_factor=1", "k=2 capacity_factor=1"});
  CHECK(names_of({run_of("a", 2, 1, 0, "[checkpoint]\nevery = 10\n"),
                  run_of("b", 2, 1, 0, "[checkpoint]\nevery = 20\n")}) == Texts{"a", "a"});
}

TEST_CASE("arms: runs of one label that differ are told apart", "[analysis]") {
  CHECK(names_of({run_of("token_choice", 1, 1, 0), run_of("token_choice", 2, 1, 0),
                  run_of("token_choice", 1, 1, 1), run_of("other", 4, 1, 0)}) ==
        Texts{"token_choice (router.token_choice.k = 1)",
              "token_choice (router.token_choice.k = 2)",
              "token_choice (router.token_choice.k = 1)", "other"});
  CHECK(names_of({run_of("a", 1, 1, 0), run_of("a", 2, 2, 0), run_of("a", 2, 1, 0)}) ==
        Texts{"a (router.token_choice.capacity_factor = 1, router.token_choice.k = 1)",
              "a (router.token_choice.capacity_factor = 2, router.token_choice.k = 2)",
              "a (router.token_choice.capacity_factor = 1, router.token_choice.k = 2)"});
  // An option of another version.
  CHECK(names_of({run_of("a", 1, 1, 0), run_of("a", 1, 1, 0, "[eval]\nsequences = 8\n")}) ==
        Texts{"a (eval.sequences not set)", "a (eval.sequences = 8)"});
}

TEST_CASE("arms: without a config the label tells", "[analysis]") {
  Outcome a = run_of("a", 1, 1, 0), b = run_of("a", 2, 1, 0);
  a.settings.clear(), b.settings.clear();
  CHECK(names_of({a, b}) == Texts{"a", "a"});
}

TEST_CASE("arms: a copy of a run is no further seed", "[analysis]") {
  const auto seeds_of = [](const std::vector<Outcome>& runs) {
    return std::get<double>(routers_table(runs, {}).rows.front()[1]);
  };
  const std::vector<Outcome> runs = {run_of("a", 1, 1, 0), run_of("a", 1, 1, 1),
                                     run_of("a", 1, 1, 0)};
  CHECK(seeds_of({runs[0], runs[1]}) == 2);
  CHECK(seeds_of(runs) == 2);
}

TEST_CASE("arms: seeds beyond 2^53 stay apart", "[analysis]") {
  const std::int64_t large = std::int64_t{1} << 62;
  CHECK(run_of("a", 1, 1, large).seed == large);
  const Table table = routers_table(
      {run_of("a", 1, 1, large), run_of("a", 1, 1, large - 1), run_of("a", 1, 1, large - 1)}, {});
  bool noted = false;
  for (const std::string& note : table.notes) {
    noted = noted || note ==
                         "run more than once, perhaps in different experiments: a seed "
                         "4611686018427387903 (2 times)";
    CHECK(note.find("4611686018427387904 (") == std::string::npos);
  }
  CHECK(noted);
  // A seed that a double holds exactly is one; another is none.
  RunFile file;
  file.attribute("seed", 7.0);
  CHECK(outcome_of({"run.h5", file}).seed == 7);
  file.attribute("seed", 0x1p62);
  CHECK_FALSE(outcome_of({"run.h5", file}).seed.has_value());
}

TEST_CASE("arms: four kinds of mixed runs are never averaged", "[analysis]") {
  const auto with = [](const std::string& settings, const std::string& data, std::int64_t seed) {
    RunFile file;
    file.attribute("status", std::string("complete"));
    file.attribute("arm", std::string("run"));
    file.attribute("seed", seed);
    file.attribute("data_sha256", data);
    file.attribute("config", "[run]\nseed = " + std::to_string(seed) + "\n" + settings);
    return outcome_of({"run.h5", file});
  };
  const std::string as_it_was = "steps = 20\n[task]\nname = causal_lm\n[train]\nrate = 0.003\n";
  const Outcome first = with(as_it_was, "d", 0);
  CHECK(names_of({first, with(as_it_was, "d", 1)}) == Texts{"run", "run"});
  const auto against = [&](const std::string& settings, const std::string& data) {
    return names_of({first, with(settings, data, 3)});
  };
  CHECK(against("steps = 20\n[task]\nname = causal_lm\n[train]\nrate = 1e-07\n", "d") ==
        Texts{"run (train.rate = 0.003)", "run (train.rate = 1e-07)"});
  CHECK(against("steps = 40\n[task]\nname = causal_lm\n[train]\nrate = 0.003\n", "d") ==
        Texts{"run (run.steps = 20)", "run (run.steps = 40)"});
  CHECK(against("steps = 20\n[task]\nname = masked_lm\n[train]\nrate = 0.003\n", "d") ==
        Texts{"run (task.name = causal_lm)", "run (task.name = masked_lm)"});
  CHECK(against(as_it_was, "e") == Texts{"run (data.sha256 = d)", "run (data.sha256 = e)"});
  // Where it was trained is no setting of it.
  CHECK(against("device = cuda:0\ngraphs = off\n" + as_it_was, "d") == Texts{"run", "run"});
}

TEST_CASE("arms: of many settings that differ, those that tell most apart are named",
          "[analysis]") {
  const auto with = [](const std::vector<int>& values) {
    Outcome run = run_of("a", 1, 1, 0);
    for (std::size_t i = 0; i < values.size(); ++i)
      run.settings["x.k" + std::to_string(i)] = std::to_string(values[i]);
    return run;
  };
  CHECK(names_of({with({0, 0, 0, 0, 0, 0}), with({1, 1, 1, 1, 1, 0}), with({1, 1, 1, 1, 1, 1})}) ==
        Texts{"a (x.k0 = 0, x.k5 = 0, 4 more)", "a (x.k0 = 1, x.k5 = 0, 4 more)",
              "a (x.k0 = 1, x.k5 = 1, 4 more)"});
  CHECK(names_of({with({0, 0, 0, 0}), with({1, 1, 1, 1})}) ==
        Texts{"a (x.k0 = 0, x.k1 = 0, x.k2 = 0, x.k3 = 0)",
              "a (x.k0 = 1, x.k1 = 1, x.k2 = 1, x.k3 = 1)"});
}

TEST_CASE("arms: a name is of one arm, whatever labels and values say", "[analysis]") {
  Outcome a = run_of("a", 1, 1, 0), b = run_of("a", 1, 1, 0), c = run_of("a (2)", 3, 1, 0);
  const std::string same(40, 'x');  // cut to the same 30 characters
  a.settings["data.path"] = same + "1";
  b.settings["data.path"] = same + "2";
  const Texts names = names_of({a, b, c});
  CHECK(names[0] != names[1]);
  CHECK(names[1] == names[0] + " (2)");
  CHECK(names[2] == "a (2)");
  Outcome hostile = run_of("\x1b[31m=cmd|' /C calc'!A0", 1, 1, 0);
  CHECK(names_of({hostile})[0] == hostile.arm);  // as it is; formats make it safe
}

TEST_CASE("arms: without a config, other data are another arm", "[analysis]") {
  const auto of_data = [](const std::string& data, std::int64_t seed) {
    RunFile file;
    file.attribute("status", std::string("complete"));
    file.attribute("router", std::string("hash"));
    file.attribute("seed", seed);
    if (!data.empty()) file.attribute("data_sha256", data);
    return outcome_of({"run.h5", file});
  };
  CHECK(names_of({of_data("d", 0), of_data("d", 1), of_data("e", 2)}) ==
        Texts{"hash (data.sha256 = d)", "hash (data.sha256 = d)", "hash (data.sha256 = e)"});
  CHECK(names_of({of_data("", 0), of_data("", 1)}) == Texts{"hash", "hash"});
}

TEST_CASE("arms: a copy of a run that diverged is no further seed", "[analysis]") {
  std::vector<Outcome> outcomes{run_of("a", 1, 1, 0), run_of("a", 1, 1, 0), run_of("a", 1, 1, 1),
                                run_of("a", 1, 1, 2)};
  for (std::size_t i = 0; i < 3; ++i) outcomes[i].status = "diverged";
  CHECK(arms_of(outcomes).at(0).diverged() == 2);
}

TEST_CASE("arms: configs that an editor gave other line ends are the same", "[analysis]") {
  RunFile file;
  file.attribute("config",
                 std::string("[task]\r\nname = causal_lm\r\n[router]\r\nname = hash\r\n"));
  file.attribute("arm", std::string());
  const Outcome outcome = outcome_of({"run.h5", file});
  CHECK(outcome.settings.at("task.name") == "causal_lm");
  CHECK(outcome.settings.at("router.name") == "hash");
  CHECK(outcome.arm == "unknown");  // a row needs a name
}

TEST_CASE("arms: by their names, which may hold commas", "[analysis]") {
  const std::vector<Outcome> outcomes{run_of("b", 1, 1, 0), run_of("a, b", 2, 1, 0),
                                      run_of("c", 3, 1, 0)};
  const std::vector<Arm> arms = arms_of(outcomes);
  const auto named = [&](const Texts& names) {
    Texts found;
    for (const Arm& arm : arms_named(arms, names)) found.push_back(arm.name);
    return found;
  };
  CHECK(named({}) == Texts{"b", "a, b", "c"});
  CHECK(named({"c", "b"}) == Texts{"b", "c"});  // in the order of the table
  CHECK(named({"a", " b", "c"}) == Texts{"a, b", "c"});
  CHECK(named({"a, b"}) == Texts{"a, b"});
  try {
    named({"b", "d"});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::usage);
    CHECK(std::string(error.what()).starts_with("no arm is named 'd': "));
  }
}

}  // namespace moesim
