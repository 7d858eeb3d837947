// Tests the expansion of axes and variants into runs, and their labels.
#include "sim/config/sweep.hpp"

#include "sim/config/parser.hpp"
#include "tests/config/support.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <string>
#include <vector>

namespace moesim {
namespace {

using testing::usage_error;
using Texts = std::vector<std::string>;

std::vector<RunSpec> runs_of(const std::string& text, const Texts& overrides = {}) {
  return expand(parse_config(text, "f.ini"), overrides);
}

// One text per run: the values of these keys.
Texts values_of(const std::vector<RunSpec>& runs, const Texts& keys) {
  Texts result;
  for (const RunSpec& run : runs) {
    std::string line;
    for (const std::string& key : keys)
      line += (line.empty() ? "" : " ") + run.settings.values().at(key).value;
    result.push_back(line);
  }
  return result;
}

Texts labels_of(const std::vector<RunSpec>& runs) {
  Texts result;
  for (const RunSpec& run : runs) result.push_back(run.label);
  return result;
}

const std::string kStudy =
    "[a]\nx = 0\ny = 0\nz = 0\nv = 0\n"
    "[sweep]\na.x = 1, 2\na.y = 1, 2\n"
    "[zip.pair]\nb.x = 5, 6\nb.y = 7, 8\n"
    "[variant.plain]\n[variant.strong]\na.v = 9\n";

}  // namespace

TEST_CASE("sweep: without axes there is one run", "[config][sweep]") {
  const std::vector<RunSpec> runs = runs_of("[router]\nname = soft\n[run]\nseed = 3");
  REQUIRE(runs.size() == 1);
  CHECK(runs[0].label == "soft");
  CHECK(runs[0].variant.empty());
  CHECK(runs[0].varied.empty());
  CHECK(runs[0].settings.values().at("router.name").origin == "f.ini:2");
  CHECK(runs_of("")[0].label == "run");
}

TEST_CASE("sweep: variants vary slowest, then zips, then lines, the last fastest",
          "[config][sweep]") {
  const std::vector<RunSpec> runs = runs_of(kStudy);
  CHECK(values_of(runs, {"a.v", "b.x", "b.y", "a.x", "a.y"}) ==
        Texts{"0 5 7 1 1", "0 5 7 1 2", "0 5 7 2 1", "0 5 7 2 2", "0 6 8 1 1", "0 6 8 1 2",
              "0 6 8 2 1", "0 6 8 2 2", "9 5 7 1 1", "9 5 7 1 2", "9 5 7 2 1", "9 5 7 2 2",
              "9 6 8 1 1", "9 6 8 1 2", "9 6 8 2 1", "9 6 8 2 2"});
  CHECK(runs.front().variant == "plain");
  CHECK(runs.back().variant == "strong");
  CHECK(runs.back().settings.values().at("a.v").origin == "f.ini:14");
  CHECK(runs.back().settings.values().at("a.x").origin == "f.ini:7");
  using Varied = std::vector<std::pair<std::string, std::string>>;
  CHECK(runs.back().varied == Varied{{"b.x", "6"}, {"b.y", "8"}, {"a.x", "2"}, {"a.y", "2"}});
}

TEST_CASE("sweep: the name of a file that is there is no list", "[config][sweep]") {
  const testing::TemporaryFolder folder;
  const std::string name = folder / "a,b..c.txt";
  std::ofstream(name) << "text";
  CHECK(values_of(runs_of("", {"data.path=" + name}), {"data.path"}) == Texts{name});
  CHECK(values_of(runs_of("[sweep]\ndata.path = " + name), {"data.path"}) == Texts{name});
  CHECK(runs_of("", {"data.path=" + name + "x"}).size() == 2);
  CHECK(runs_of("", {"other.path=" + name}).size() == 2);
}

TEST_CASE("sweep: labels name no options of routers that the run does not use", "[config][sweep]") {
  CHECK(labels_of(runs_of("[sweep]\nrouter.name = soft, hash\nrouter.soft.slots = 1, 2\n"
                          "expert.name = mlp\nexpert.mlp.bias = true")) ==
        Texts{"soft slots=1 expert=mlp bias=true", "soft slots=2 expert=mlp bias=true",
              "hash expert=mlp bias=true", "hash expert=mlp bias=true"});
}

TEST_CASE("sweep: labels have the last two parts of the paths of other runs", "[config][sweep]") {
  CHECK(labels_of(runs_of("[sweep]\ninit.from = runs/a/dense-s0-1, /other/runs/a/top1-s0-2/\n")) ==
        Texts{"from=a/dense-s0-1", "from=a/top1-s0-2"});
  // Unless two of them would be the same.
  CHECK(labels_of(runs_of("[sweep]\ninit.from = x/a/dense-s0-1, y/a/dense-s0-1\n")) ==
        Texts{"from=x/a/dense-s0-1", "from=y/a/dense-s0-1"});
  CHECK(labels_of(runs_of("[sweep]\ndistil.teacher = x/a/b\nrun.seed = 0, 1\n")) ==
        Texts{"teacher=a/b", "teacher=a/b"});
  CHECK(labels_of(runs_of("[sweep]\ndata.path = x/y/a.txt, x/y/b.txt\n"))[0] == "path=x/y/a.txt");
}

TEST_CASE("sweep: labels name what varies, but not the seed", "[config][sweep]") {
  CHECK(labels_of(runs_of("[sweep]\nrouter.name = soft, hash\nrun.seed = 0..1")) ==
        Texts{"soft", "soft", "hash", "hash"});
  CHECK(labels_of(runs_of("[sweep]\nrouter.token_choice.k = 1, 2\nmoe.experts = 16")) ==
        Texts{"k=1 experts=16", "k=2 experts=16"});
  CHECK(labels_of(runs_of("[sweep]\nrouter.name = soft\nexpert.name = mlp, swiglu")) ==
        Texts{"soft expert=mlp", "soft expert=swiglu"});
  CHECK(labels_of(runs_of("[sweep]\nrouter.a.k = 1\nrouter.b.k = 2\nmoe.experts = 4")) ==
        Texts{"router.a.k=1 router.b.k=2 experts=4"});
  CHECK(labels_of(runs_of("[variant.base]\n[variant.no_balance]\nloss.balance = 0\n"
                          "[sweep]\nmoe.experts = 4")) ==
        Texts{"base experts=4", "no_balance experts=4"});
  CHECK(labels_of(runs_of("[sweep]\nrun.seed = 0..1")) == Texts{"run", "run"});
  CHECK(labels_of(runs_of("[router]\nname = hash\n[sweep]\nrun.seed = 0")) == Texts{"hash"});
}

TEST_CASE("sweep: excluded combinations are left out", "[config][sweep]") {
  const std::string axes = "[sweep]\nrouter.name = soft, hash\nmoe.experts = 4, 8\n";
  CHECK(values_of(runs_of(axes + "[exclude]\nwhen = router.name:soft & moe.experts:8.0"),
                  {"router.name", "moe.experts"}) == Texts{"soft 4", "hash 4", "hash 8"});
  CHECK(values_of(runs_of(axes + "[exclude]\nwhen = router.name:soft\nwhen = moe.experts:8"),
                  {"router.name", "moe.experts"}) == Texts{"hash 4"});
  // The command line may narrow an axis below what a condition names.
  CHECK(runs_of(axes + "[exclude]\nwhen = router.name:soft", {"router.name=hash"}).size() == 2);
}

TEST_CASE("sweep: the command line replaces values and axes, and makes axes", "[config][sweep]") {
  const std::string text = "[a]\nx = 1\n[sweep]\na.y = 1, 2\na.z = 1, 2";
  CHECK(values_of(runs_of(text, {"a.x=5", "a.y=7"}), {"a.x", "a.y", "a.z"}) ==
        Texts{"5 7 1", "5 7 2"});
  CHECK(values_of(runs_of(text, {"a.z=9", "a.y = 3..4 "}), {"a.x", "a.y", "a.z"}) ==
        Texts{"1 3 9", "1 4 9"});
  CHECK(values_of(runs_of(text, {"a.x=5,6", "a.y=1"}), {"a.z", "a.x"}) ==
        Texts{"1 5", "1 6", "2 5", "2 6"});
  CHECK(runs_of(text, {"a.y=1", "a.z=1"})[0].varied.empty());
  CHECK(runs_of(text, {"data.path=../x.txt"})[0].settings.values().at("data.path").value ==
        "../x.txt");
  CHECK(runs_of(text, {"data.path="})[0].settings.values().at("data.path").value.empty());
  CHECK(runs_of(text, {"a.x=5"})[0].settings.values().at("a.x").origin == "command line");
  CHECK(values_of(runs_of(kStudy, {"b.x=1,2", "a.x=1", "a.y=1"}), {"a.v", "b.x", "b.y"}) ==
        Texts{"0 1 7", "0 2 8", "9 1 7", "9 2 8"});
}

TEST_CASE("sweep: a bad plan is refused", "[config][sweep]") {
  struct Bad {
    std::string text;
    Texts overrides;
    std::string error;
  };
  const std::string named = "names a folder; use 1 to 64 letters, digits, '_', '-' and '.'";
  const std::vector<Bad> all = {
      {"", {"fast"}, "command line: 'fast' is no setting; write section.key=value"},
      {"", {"steps=3"}, "command line: 'steps=3' is no setting; did you mean run.steps=3?"},
      {"", {"=3"}, "command line: '=3' is no setting; write section.key=value"},
      {"", {".a=3"}, "command line: '.a=3' is no setting; write section.key=value"},
      {"", {"a b.c=3"}, "command line: 'a b.c=3' is no setting; write section.key=value"},
      {"",
       {"--a.b=3\n"},
       "command line: --a.b = 3?: has a control character or is not UTF-8; use "
       "plain text"},
      {"", {"a.b=1", "a.b=2"}, "command line: a.b = 2: set twice on the command line; keep one"},
      {"",
       {"a.b=x #y"},
       "command line: a.b = x #y: ' #' would begin a comment in a config file; "
       "remove it"},
      {"",
       {"a.b=1,,2"},
       "command line: a.b = 1,,2: an item of the list is empty; remove the extra "
       "comma"},
      {"",
       {"a.b=5..1"},
       "command line: a.b = 5..1: range '5..1' never reaches its end; swap the "
       "ends, or write a negative step"},
      {"",
       {"a.b=1,2,1.0"},
       "command line: a.b = 1, 2, 1.0: '1.0' stands twice in the list; keep "
       "one"},
      {"",
       {"a.b=0,-0.0"},
       "command line: a.b = 0, -0.0: '-0.0' stands twice in the list; keep one"},
      {"",
       {"a.b=100000,1e5"},
       "command line: a.b = 100000, 1e5: '1e5' stands twice in the list; keep one"},
      {"",
       {"a.b=1..60000", "a.c=1..60000"},
       "command line: a.c = 1..60000: more than 100000 "
       "items; widen the step of '1..60000'"},
      {"[sweep]\nrun.seed = 0..2, 1",
       {},
       "f.ini:2: run.seed = 0, 1, 2, 1: '1' stands twice in the "
       "list; keep one"},
      {"[zip.a]\na.b = 1, 2, 1\na.c = 3, 4, 3",
       {},
       "f.ini:1: [zip.a]: row 3 repeats an earlier "
       "one; remove it"},
      {"[sweep]\na.b = 1..101\na.c = 1..100",
       {},
       "f.ini: the sweep has more than 10000 runs; "
       "shorten its lists or split it"},
      {"[sweep]\na.b = 1, 2\n[variant.v]\na.b = 3",
       {},
       "f.ini:2: a.b = 1, 2: varied twice, also "
       "in [variant.v] (f.ini:4); keep one"},
      {kStudy,
       {"b.x=1"},
       "command line: b.x = 1: a column of [zip.pair] (f.ini:10); give a list "
       "of 2 values, or edit the zip"},
      {kStudy,
       {"b.x=1..3"},
       "command line: b.x = 1, 2, 3: 3 values for a column of [zip.pair] "
       "(f.ini:10) that has 2; give as many, or edit the zip"},
      {kStudy,
       {"a.v=1"},
       "command line: a.v = 1 replaces what [variant.strong] (f.ini:14) sets, which makes the "
       "variants plain and strong equal; choose arms with --arm NAME, or change one alone: --arm "
       "'NAME:key=value'"},
      {kStudy,
       {"a.v=1,2"},
       "command line: a.v = 1,2 replaces what [variant.strong] (f.ini:14) sets, which makes the "
       "variants plain and strong equal; choose arms with --arm NAME, or change one alone: --arm "
       "'NAME:key=value'"},
      {"[sweep]\na.b = 1\n[exclude]\nwhen = a.b:1",
       {},
       "f.ini: [exclude] leaves no run; remove a "
       "condition"},
      {"[run]\nname = ../up", {}, "f.ini:2: run.name = ../up: " + named},
      {"[run]\nname = ..", {}, "f.ini:2: run.name = ..: " + named},
      {"[run]\nname =", {}, "f.ini:2: run.name = '': " + named},
      {"",
       {"run.name=" + std::string(65, 'a')},
       "command line: run.name = " + std::string(60, 'a') + "...: " + named},
      {"", {"run.name=a/b"}, "command line: run.name = a/b: " + named},
  };
  for (const Bad& bad : all)
    CHECK(usage_error([&bad] { runs_of(bad.text, bad.overrides); }) == bad.error);
}

TEST_CASE("sweep: the memory of a plan is bounded", "[config][sweep]") {
  std::string text = "[sweep]\na.b = 1..10000\n[c]\n";
  for (int i = 0; i < 15; ++i)
    text += "d" + std::to_string(i) + " = " + std::string(65000, 'x') + "\n";
  CHECK(usage_error([&text] { runs_of(text); }) ==
        "f.ini: the settings of 10000 runs exceed 256 MiB; shorten the file or split the sweep");
}

TEST_CASE("sweep: a run's folder is named after what varies", "[config][sweep]") {
  RunSpec run;
  const auto folder = [&run](const std::string& label) {
    run.label = label;
    return run_folder_name(run, "7", "0a1b2c3d");
  };
  CHECK(folder("token_choice") == "token_choice-s7-0a1b2c3d");
  CHECK(folder("k=2 experts=16") == "k-2_experts-16-s7-0a1b2c3d");
  CHECK(folder("path=../../etc/passwd") == "path-..-..-etc-passwd-s7-0a1b2c3d");
  CHECK(folder("../up") == "up-s7-0a1b2c3d");
  CHECK(folder("\xce\xb1\n\x01") == "run-s7-0a1b2c3d");
  CHECK(folder(std::string(300, 'a')) == std::string(80, 'a') + "-s7-0a1b2c3d");
}

TEST_CASE("sweep: of two keys that say the same, what lies on top counts", "[config][sweep]") {
  const std::string file = "[eval]\nbatches = 8\n[a]\nx = 0\n";
  const auto keys = [&](const Texts& overrides, const std::string& more = "") {
    Texts result;
    for (const RunSpec& run : runs_of(file + more, overrides)) {
      std::string line;
      for (const auto& [key, setting] : run.settings.values())
        if (key.starts_with("eval.")) line += key + "=" + setting.value + " ";
      result.push_back(line);
    }
    return result;
  };
  CHECK(keys({}) == Texts{"eval.batches=8 "});
  CHECK(keys({"eval.sequences=5"}) == Texts{"eval.sequences=5 "});
  CHECK(keys({"eval.sequences=5,6"}) == Texts{"eval.sequences=5 ", "eval.sequences=6 "});
  CHECK(keys({"eval.batches=5"}, "[sweep]\neval.sequences = 1, 2\n") == Texts{"eval.batches=5 "});
  CHECK(keys({}, "[sweep]\neval.sequences = 1, 2\n") ==
        Texts{"eval.sequences=1 ", "eval.sequences=2 "});
  CHECK(keys({}, "[variant.v]\neval.sequences = 1\n[variant.w]\n") ==
        Texts{"eval.sequences=1 ", "eval.batches=8 "});
  // Both in one place: for the reader of the option to refuse.
  CHECK(keys({"eval.sequences=5", "eval.batches=6"}) == Texts{"eval.batches=6 eval.sequences=5 "});
  CHECK(usage_error(
            [&] { runs_of("[zip.z]\neval.batches = 1, 2\na.x = 1, 2\n", {"eval.sequences=5"}); }) ==
        "command line: eval.sequences = 5: a column of [zip.z] (f.ini:2); give a list of 2 values, "
        "or edit the zip");
}

}  // namespace moesim
