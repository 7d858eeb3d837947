#include "sim/checkpoint/lock.hpp"

#include "sim/core/error.hpp"
#include "sim/record/child.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <optional>
#include <sys/wait.h>

namespace moesim::testing {
namespace {

std::string holder_met(const std::string& folder) {
  try {
    const FolderLock lock(folder);
  } catch (const Error& error) {
    CHECK(error.code() == Exit::locked);
    return error.what();
  }
  return "";
}

TEST_CASE("lock: one holder, named; free again afterwards", "[checkpoint]") {
  const TemporaryFolder folder;
  CHECK_FALSE(lock_holder(folder / ""));
  {
    const FolderLock lock(folder / "");
    CHECK_THAT(holder_met(folder / ""), contains("process " + std::to_string(::getpid())));
    CHECK_THAT(*lock_holder(folder / ""), contains(std::to_string(::getpid())));
  }
  CHECK_FALSE(lock_holder(folder / ""));
  CHECK(holder_met(folder / "").empty());
}

TEST_CASE("lock: of a process that was killed it is free", "[checkpoint]") {
  const TemporaryFolder folder;
  const Child child = fork_child([&](int pipe) {
    const FolderLock lock(folder / "");
    send_bytes(pipe, "x");
    ::pause();
  });
  char byte = 0;
  REQUIRE(::read(child.pipe, &byte, 1) == 1);
  CHECK_THAT(holder_met(folder / ""), contains("process " + std::to_string(child.pid)));
  ::kill(child.pid, SIGKILL);
  int status = 0;
  ::waitpid(child.pid, &status, 0);
  ::close(child.pipe);
  CHECK(holder_met(folder / "").empty());
}

TEST_CASE("lock: asking does not take it", "[checkpoint]") {
  const TemporaryFolder folder;
  std::optional<FolderLock> lock(std::in_place, folder / "");
  for (int i = 0; i < 10; ++i) CHECK(lock_holder(folder / ""));
  lock.reset();
  CHECK_FALSE(lock_holder(folder / ""));
}

}  // namespace
}  // namespace moesim::testing
