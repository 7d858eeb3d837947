// Tests finding and reading run files.
#include "analysis/runs/read.hpp"

#include "sim/core/error.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <functional>

namespace moesim::testing {
namespace {

std::string problem_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    REQUIRE(error.code() == Exit::data);
    return error.what();
  }
  return "";
}

TEST_CASE("read: run file, run folder, experiment folder", "[analysis]") {
  const TemporaryFolder folder;
  const std::string experiment = folder / "experiment";
  for (const char* run : {"b", "a", "deep/er/c", "too/deep/by/one", ".hidden"}) {
    const std::filesystem::path path = std::filesystem::path(experiment) / run;
    std::filesystem::create_directories(path);
    sample(1).publish(path / "run.h5");
  }
  std::filesystem::create_directories(experiment + "/a/nested");
  sample(1).publish(experiment + "/a/nested/run.h5");

  const std::vector<std::string> all{experiment + "/a/run.h5", experiment + "/b/run.h5",
                                     experiment + "/deep/er/c/run.h5"};
  REQUIRE(find_runs({experiment}) == all);
  REQUIRE(find_runs({experiment + "/b"}) == std::vector<std::string>{all[1]});
  REQUIRE(find_runs({all[2]}) == std::vector<std::string>{all[2]});
  // Each file once, whatever the ways to it.
  REQUIRE(find_runs({all[1], experiment, experiment + "/../experiment/b"}) ==
          std::vector<std::string>{all[1], all[0], all[2]});
}

TEST_CASE("read: paths that hold no run", "[analysis]") {
  const TemporaryFolder folder;
  REQUIRE(problem_of([&] { find_runs({folder / ""}); }) ==
          (folder / "") + ": holds no run.h5, nor do the folders below it (3 levels)");
  const std::string missing = folder / "missing";
  REQUIRE(problem_of([&] { read_run(find_runs({missing}).at(0)); }) ==
          missing + ": not a readable run file: no such file");
}

TEST_CASE("read: attributes and variables", "[analysis]") {
  const TemporaryFolder folder;
  sample().publish(folder / "run.h5");
  const Run run = read_run(folder / "run.h5");
  REQUIRE(run.file.text("status") == "complete");
  REQUIRE(run.file.text("seed", "no text") == "no text");
  REQUIRE(run.number("seed") == 7);
  REQUIRE(run.number("leak") == 0);
  REQUIRE(std::isnan(run.number("status")));
  REQUIRE(run.variable("loss", {"step"})->values.size() == 2);
  REQUIRE(run.variable("eval_loss", {"eval"}) == nullptr);
  REQUIRE_THAT(problem_of([&] { run.variable("loss", {"eval"}); }),
               contains("loss has dimensions (step), expected numbers over (eval)"));
}

TEST_CASE("read: a schema that is missing or newer", "[analysis]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  RunFile run = sample();
  run.attribute("moesim_schema", std::int64_t{2});
  run.publish(path);
  REQUIRE(problem_of([&] { read_run(path); }) ==
          path + ": follows schema 2; this program reads schema 1");
  run.attribute("moesim_schema", "one");
  run.publish(path);
  REQUIRE(problem_of([&] { read_run(path); }) ==
          path + ": not a run file of moesim: no attribute moesim_schema");
}

}  // namespace
}  // namespace moesim::testing
