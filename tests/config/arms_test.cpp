// Tests --arm: names, patterns, and settings of one arm.
#include "sim/config/arms.hpp"

#include "sim/config/parser.hpp"
#include "tests/config/support.hpp"
#include "tests/support/catch.hpp"

namespace moesim {
namespace {

using testing::usage_error;
using Texts = std::vector<std::string>;

const std::string kArmStudy =
    "[variant.dense]\nrouter.name = dense\n"
    "[variant.top2]\nrouter.name = token_choice\nrouter.token_choice.k = 2\n";

std::vector<RunSpec> arm_runs(const std::string& text, const Texts& settings,
                              const Texts& parts = {}) {
  return expand(parse_config(text, "f.ini"), {settings, arm_choices(parts)});
}

Texts arm_labels(const std::vector<RunSpec>& runs) {
  Texts labels;
  for (const RunSpec& run : runs) labels.push_back(run.label);
  return labels;
}

}  // namespace

TEST_CASE("arms: a name, a pattern, and a name that looks like one", "[config][arms]") {
  using Places = std::vector<std::size_t>;
  const Texts labels = {"a", "ab", "a*", "x [1]", "x 1", "a"};
  CHECK(arms_matching("a", labels) == Places{0, 5});
  CHECK(arms_matching("a*", labels) == Places{2});  // the name goes before the pattern
  CHECK(arms_matching("a?", labels) == Places{1, 2});
  CHECK(arms_matching("*", labels) == Places{0, 1, 2, 3, 4, 5});
  CHECK(arms_matching("x [1]*", labels) == Places{3});  // brackets are none of a pattern
  CHECK(arms_matching("b", labels).empty());
  CHECK(arms_matching("", labels).empty());
}

TEST_CASE("arms: a part that is a setting belongs to the arm before", "[config][arms]") {
  const auto shown = [](const Texts& parts) {
    Texts all;
    for (const ArmChoice& choice : arm_choices(parts))
      all.push_back(choice.name + "|" + joined(choice.overrides, "|"));
    return all;
  };
  CHECK(shown({"a", "b"}) == Texts{"a|", "b|"});
  CHECK(shown({"a:x.k=1", "y.l=2", "b"}) == Texts{"a|x.k=1|y.l=2", "b|"});
  CHECK(shown({"a:x.k=1", "b:x.k=2"}) == Texts{"a|x.k=1", "b|x.k=2"});
  CHECK(shown({"a", "x.k=1"}) == Texts{"a|", "x.k=1|"});  // a label of a sweep over two "k"
  CHECK(shown({"device=cuda:0"}) == Texts{"device=cuda:0|"});
  CHECK(shown({"device=cuda:0:run.steps=2"}) == Texts{"device=cuda:0|run.steps=2"});
  CHECK(shown({"a:path.to=c:d"}) == Texts{"a|path.to=c:d"});
}

TEST_CASE("arms: chosen in the order of the sweep, changed in their labels", "[config][arms]") {
  CHECK(arm_labels(arm_runs(kArmStudy, {})) == Texts{"dense", "top2"});
  CHECK(arm_labels(arm_runs(kArmStudy, {"run.seed=0,1"}, {"top2"})) == Texts{"top2", "top2"});
  CHECK(arm_labels(arm_runs(kArmStudy, {}, {"top2", "dense"})) == Texts{"dense", "top2"});
  CHECK(arm_labels(arm_runs(kArmStudy, {}, {"top2", "top*", "top2:router.token_choice.k=4"})) ==
        Texts{"top2", "top2 k=4"});
  CHECK(arm_labels(arm_runs(kArmStudy, {"a.x=1,2"}, {"dense x=1:a.x=3"})) == Texts{"dense x=3"});
  CHECK(arm_labels(arm_runs(kArmStudy, {}, {"dense:run.seed=7"})) == Texts{"dense"});
  const RunSpec run =
      arm_runs(kArmStudy, {"eval.batches=1"}, {"top2:router.token_choice.k=4", "eval.sequences=9"})
          .at(0);
  CHECK(run.settings.values().at("router.token_choice.k").value == "4");
  CHECK_FALSE(run.settings.has("eval.batches"));  // the same in other words
  CHECK(usage_error([&] { arm_runs(kArmStudy, {}, {"top3"}); }) ==
        "command line: --arm: no arm is named 'top3': did you mean top2? there are dense, top2");
  CHECK_THAT(usage_error([&] { arm_runs(kArmStudy, {}, {"en"}); }),
             testing::contains("did you mean dense?"));  // a part of its name
  CHECK(usage_error([&] { arm_runs(kArmStudy, {}, {"dense:a.x=1..3"}); }) ==
        "command line: --arm dense: a.x = 1..3: a list makes no axis inside an arm; give --arm "
        "once for each value");
}

TEST_CASE("arms: the command line replaces what variants set, unless they become equal",
          "[config][arms]") {
  const std::string study =
      "[variant.one]\na.x = 1\nb.y = 1\n[variant.two]\na.x = 2\n[variant.three]\nb.y = 2\n";
  std::vector<std::string> notes;
  const auto expanded = [&](const Texts& settings, const Texts& parts = {}) {
    return expand(parse_config(study, "f.ini"), {settings, arm_choices(parts)}, &notes);
  };
  const std::vector<RunSpec> runs = expanded({"b.y=9"}, {"one", "two"});
  REQUIRE(runs.size() == 2);
  CHECK(runs[0].settings.values().at("b.y").value == "9");
  CHECK(notes ==
        Texts{"command line: b.y = 9 replaces what [variant.one] (f.ini:3) and 1 more set"});
  CHECK(expanded({"b.y=8,9"}, {"one*"}).size() == 2);
  CHECK(notes ==
        Texts{"command line: b.y = 8,9 replaces what [variant.one] (f.ini:3) and 1 more set"});
  CHECK(expanded({"c.z=1"}).size() == 3);
  CHECK(notes.empty());
  // b.y still tells them apart
  CHECK(usage_error([&] { expanded({"a.x=5"}, {"one", "two"}); }) == "no error");
  CHECK(
      usage_error([&] {
        expanded({"a.x=5", "b.y=1"}, {"one", "two"});
      }) ==
      "command line: a.x = 5 replaces what [variant.one] (f.ini:2) and 1 more set, which makes the "
      "variants one and two equal; choose arms with --arm NAME, or change one alone: --arm "
      "'NAME:key=value'");
}

}  // namespace moesim
