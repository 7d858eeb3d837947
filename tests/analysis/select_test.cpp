// Tests which run files of an experiment a table uses.
#include "analysis/runs/select.hpp"

#include "analysis/tables/routers.hpp"
#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;
using Texts = std::vector<std::string>;

void add_run(const fs::path& folder) {
  fs::create_directories(folder);
  RunFile run;
  run.attribute("status", std::string("complete"));
  run.attribute("arm", folder.filename().string());
  run.put(variable("eval_loss", Variable::Type::float64, {"eval"}, {1}, {2}));
  run.publish((folder / "run.h5").string());
}

// An experiment of three runs, of which the plan has these.
void add_experiment(const fs::path& folder, const std::string& plan) {
  for (const char* run : {"a", "b", "c"}) add_run(folder / run);
  if (!plan.empty()) std::ofstream(folder / "plan.json") << plan;
}

Texts runs_of(const Selection& selection) {
  Texts names;
  for (const std::string& file : selection.files)
    names.push_back(fs::path(file).parent_path().filename().string());
  return names;
}

constexpr const char* kOnlyB =
    R"({"moesim_plan": 1, "runs": [{"folder": "b", "settings": {"folder": ["c", ""]}},
                                   {"folder": "not-started"}]})";

}  // namespace

TEST_CASE("select: of an experiment, the runs of the latest plan", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "e";
  add_experiment(path, kOnlyB);
  for (const std::string& same : {path, path + "/", path + "/../e", path + "/."}) {
    const Selection selection = select_runs({same}, false);
    CHECK(runs_of(selection) == Texts{"b"});
    CHECK(selection.notes ==
          Texts{"2 runs of earlier sweeps in e are left out; --all includes them"});
  }
  CHECK(runs_of(select_runs({path}, true)) == Texts{"b", "a", "c"});
  CHECK(select_runs({path}, true).notes.empty());
  // From the folder above, and each experiment by its own plan.
  add_experiment(folder / "f", "");
  CHECK(runs_of(select_runs({folder / ""}, false)) == Texts{"b", "a", "b", "c"});
}

TEST_CASE("select: in the order of the plan, what it lacks behind", "[analysis]") {
  const TemporaryFolder folder;
  add_experiment(folder / "e", R"({"runs": [{"folder": "c"}, {"folder": "a"}]})");
  add_experiment(folder / "f", R"({"runs": [{"folder": "b"}, {"folder": "a"}, {"folder": "c"}]})");
  CHECK(runs_of(select_runs({folder / "e"}, false)) == Texts{"c", "a"});
  CHECK(runs_of(select_runs({folder / "f", folder / "e"}, true)) ==
        Texts{"b", "a", "c", "c", "a", "b"});
}

TEST_CASE("select: what is named itself is in, whatever was planned", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "e";
  add_experiment(path, kOnlyB);
  CHECK(runs_of(select_runs({path + "/a"}, false)) == Texts{"a"});
  CHECK(runs_of(select_runs({path + "/c/run.h5"}, false)) == Texts{"c"});
  const Selection both = select_runs({path, path + "/c/"}, false);
  CHECK(runs_of(both) == Texts{"b", "c"});
  CHECK(both.notes == Texts{"1 run of earlier sweeps in e is left out; --all includes them"});
}

TEST_CASE("select: a narrowed sweep leaves out what the wider one had", "[analysis]") {
  const TemporaryFolder folder;
  add_experiment(folder / "e", R"({"runs": [{"folder": "a"}, {"folder": "b"}]})");
  CHECK(runs_of(select_runs({folder / "e"}, false)) == Texts{"a", "b"});
  std::ofstream(folder / "e/plan.json") << R"({"runs": [{"folder": "a"}]})";
  CHECK(runs_of(select_runs({folder / "e"}, false)) == Texts{"a"});
}

TEST_CASE("select: links are judged by the folder that they stand in", "[analysis]") {
  const TemporaryFolder folder;
  add_experiment(folder / "e", kOnlyB);
  fs::create_directories(folder / "picked");
  for (const char* run : {"a", "b"})
    fs::create_directory_symlink(folder / "e" + "/" + run, folder / "picked" + "/" + run);
  CHECK(runs_of(select_runs({folder / "picked"}, false)) == Texts{"a", "b"});
  fs::create_directory_symlink(folder / "e", folder / "link");
  CHECK(runs_of(select_runs({folder / "link"}, false)) == Texts{"b"});
}

TEST_CASE("select: a plan that says nothing leaves nothing out, and is noted", "[analysis]") {
  for (const char* plan :
       {"", "{", "[]", "null", "7", R"({"runs": 3})", R"({"runs": []})", R"({"runs": [3, null]})",
        R"({"runs": [{"folder": 4}]})", R"({"runs": {"folder": "b"}})", "\xff\xfe",
        R"({"settings": {"runs": [{"folder": "b"}]}})"}) {
    INFO(plan);
    const TemporaryFolder folder;
    add_experiment(folder / "e", "");
    std::ofstream(folder / "e/plan.json") << plan;
    const Selection selection = select_runs({folder / "e"}, false);
    CHECK(runs_of(selection) == Texts{"a", "b", "c"});
    CHECK(selection.notes ==
          Texts{"plan.json of e is damaged, so the runs of all sweeps are included"});
  }
  // Deeper than a parser that calls itself could go.
  const TemporaryFolder folder;
  add_experiment(folder / "e", std::string(100000, '['));
  CHECK(runs_of(select_runs({folder / "e"}, false)) == Texts{"a", "b", "c"});
  fs::remove(folder / "e/plan.json");
  fs::create_directory(folder / "e/plan.json");
  CHECK(runs_of(select_runs({folder / "e"}, false)) == Texts{"a", "b", "c"});
}

TEST_CASE("select: a sweep of which no run has begun is said to be one", "[analysis]") {
  const TemporaryFolder folder;
  add_experiment(folder / "e", R"({"runs": [{"folder": "d"}]})");
  try {
    routers_table({.paths = {folder / "e"}}, {});
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == Exit::data);
    CHECK(std::string(error.what()) ==
          folder / "e" +
              ": no run of the latest sweep has a run file yet; --all includes the "
              "runs of earlier sweeps");
  }
  CHECK(routers_table({.paths = {folder / "e"}, .all = true}, {}).rows.size() == 3);
}

}  // namespace moesim::testing
