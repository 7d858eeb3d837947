// Tests work in a child process: its errors reach the parent, and its sudden end is explained.
#include "experiments/sweep/child.hpp"

#include "sim/core/error.hpp"
#include "sim/core/out_of_memory.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <functional>
#include <new>
#include <string>
#include <unistd.h>
#include <utility>

namespace moesim::testing {
namespace {

// The exit code and the message.
std::pair<Exit, std::string> error_of(const std::function<std::string()>& work,
                                      double least_bytes = 0) {
  try {
    in_child("counts", work, least_bytes);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {Exit::ok, ""};
}

TEST_CASE("child: results and errors come back", "[experiments]") {
  CHECK(in_child("counts", [] { return std::string("seven"); }).text == "seven");
  const auto [code, message] = error_of([]() -> std::string { fail(Exit::data, "no numbers"); });
  CHECK(code == Exit::data);
  CHECK(message == "no numbers");
}

TEST_CASE("child: memory that runs out is said in one way", "[experiments]") {
  const auto [code, message] = error_of([]() -> std::string { throw std::bad_alloc(); });
  CHECK(code == Exit::internal);
  CHECK(message == kOutOfMemory);
}

TEST_CASE("child: a sudden end is explained", "[experiments]") {
  const auto killed = [](int signal) {
    return [signal]() -> std::string {
      std::signal(signal, SIG_DFL);  // the test framework has a handler of its own
      ::raise(signal);
      return "";
    };
  };
  const auto [code, message] = error_of(killed(SIGKILL), 82e6);
  CHECK(code == Exit::internal);
  CHECK_THAT(message, contains("the process that counts was killed: Killed; memory may be the "
                               "reason: it needs at least 82.0 MB"));
  CHECK_THAT(error_of(killed(SIGKILL)).second, contains("memory may be the reason"));
  CHECK_THAT(error_of(killed(SIGTERM)).second, contains("was killed: Terminated"));
  CHECK_THAT(error_of([]() -> std::string { ::_exit(7); }).second, contains("left with 7"));
}

}  // namespace
}  // namespace moesim::testing
