// Tests the lock of a run folder.
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/folder_lock.hpp"
#include "sim/io/fork.hpp"
#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <functional>
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

// How `f` ends: "" or what it says.
std::string problem_of(const std::function<void()>& f, Exit code) {
  try {
    f();
  } catch (const Error& error) {
    CHECK(error.code() == code);
    return error.what();
  }
  return "";
}

TEST_CASE("lock: one that was removed or replaced is no longer held", "[checkpoint]") {
  const TemporaryFolder folder;
  const std::string path = folder / ".lock";
  const FolderLock first(folder / "");
  first.require_held();
  SECTION("removed") { std::filesystem::remove(path); }
  SECTION("replaced by a copy") {
    std::filesystem::copy(path, folder / "copy");
    std::filesystem::rename(folder / "copy", path);
  }
  SECTION("with its folder") {
    std::filesystem::remove_all(folder / "");
    std::filesystem::create_directory(folder / "");
  }
  const auto ask = [&] { first.require_held(); };
  CHECK_THAT(problem_of(ask, Exit::locked), contains(".lock: was removed or replaced"));
  const FolderLock second(folder / "");  // whoever comes then has it, and keeps it
  second.require_held();
  CHECK_THAT(problem_of(ask, Exit::locked), contains(".lock: was removed or replaced"));
  CHECK(lock_holder(folder / ""));
}

TEST_CASE("lock: what another program wrote there stays", "[checkpoint]") {
  const TemporaryFolder folder;
  for (const std::string content : {"{\"format\": 2}", "12345\n", "processes"}) {
    write_bytes(folder / ".lock", content);
    CHECK_THAT(problem_of([&] { const FolderLock lock(folder / ""); }, Exit::data),
               contains(".lock: holds what this moesim did not write"));
    CHECK_THROWS_AS(require_own_lock(folder / ""), Unreadable);
    CHECK(read_bytes(folder / ".lock") == content);
  }
  // Cut off by a full disk or a kill, it is ours.
  for (const std::string content : {"", "pro", "process 12 on elsewhere\n"}) {
    write_bytes(folder / ".lock", content);
    CHECK(problem_of([&] { const FolderLock lock(folder / ""); }, Exit::ok).empty());
  }
}

}  // namespace
}  // namespace moesim::testing
