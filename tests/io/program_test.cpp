// Tests starting other programs: output, folder, time limit.
#include "sim/io/program.hpp"

#include "tests/support/catch.hpp"

namespace moesim::testing {

TEST_CASE("programs: what one writes, where it runs, and that it ends in time", "[io]") {
  const ProgramRun said =
      run_program({"sh", "-c", "echo out; echo error >&2; pwd; exit 3"}, {"/", 20});
  CHECK(said.found);
  CHECK_FALSE(said.good);
  CHECK(said.out == "out\n/\n");
  CHECK(said.error == "error\n");
  CHECK(run_program({"true"}).good);
  CHECK_FALSE(run_program({"no-such-program-here"}).found);
  const ProgramRun slow = run_program({"sh", "-c", "echo a; sleep 100"}, {"/", 1});
  CHECK(slow.timed_out);
  CHECK(slow.out == "a\n");
}

TEST_CASE("programs: more than a pipe holds, on both of them", "[io]") {
  const ProgramRun run =
      run_program({"sh", "-c", "head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"});
  CHECK(run.good);
  CHECK(run.out.size() == 300000);
  CHECK(run.error.size() == 300000);
}

}  // namespace moesim::testing
