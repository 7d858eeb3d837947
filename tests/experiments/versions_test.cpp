// Tests that nothing written by another version, or unreadable, is overwritten.
#include "experiments/sweep/versions.hpp"

#include "sim/io/file.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

TEST_CASE("versions: a run file of another schema is not ours", "[experiments]") {
  const TemporaryFolder folder;
  const std::string path = folder / "run.h5";
  require_own_run(folder / "");  // there is none
  sample().publish(path);
  require_own_run(folder / "");
  RunFile newer = sample();
  newer.attribute("moesim_schema", kRunFileSchema + 1);
  newer.publish(path);
  CHECK_THROWS_AS(require_own_run(folder / ""), Unreadable);
  CHECK_THROWS_WITH(require_own_run(folder / ""),
                    contains("run.h5: follows schema 2, this moesim writes schema 1"));
  // Damaged, it is made anew.
  write_bytes(path, read_bytes(path).substr(0, 1000));
  require_own_run(folder / "");
  write_bytes(path, "");
  require_own_run(folder / "");
}

TEST_CASE("versions: a run file that the system refuses is not ours to replace", "[experiments]") {
  const TemporaryFolder folder;
  std::filesystem::create_symlink("/nowhere/run.h5", folder / "run.h5");
  CHECK_THROWS_WITH(require_own_run(folder / ""), contains("it is a link to /nowhere/run.h5"));
}

TEST_CASE("versions: plans", "[experiments]") {
  const TemporaryFolder folder;
  const std::string path = folder / "plan.json";
  require_own_plan(path);
  for (const char* ours : {"", "{\"moesim_plan\": 1, \"runs\": []}", "{\"moesim_plan\": 1, \"ru"}) {
    write_bytes(path, ours);
    require_own_plan(path);
  }
  for (const char* foreign :
       {"{\"moesim_plan\": 2}", "{\"moesim_plan\": \"2.0\"}", "[1, 2]", "{\"plan\": \"mine\"}"}) {
    write_bytes(path, foreign);
    CHECK_THROWS_AS(require_own_plan(path), Unreadable);
  }
}

}  // namespace
}  // namespace moesim::testing
