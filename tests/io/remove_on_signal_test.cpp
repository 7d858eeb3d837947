// Tests that a signal removes a folder that is being written.
#include "sim/io/remove_on_signal.hpp"

#include "tests/record/samples.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

namespace moesim::testing {
namespace {

namespace fs = std::filesystem;

// Runs f in a child process. -> its status for waitpid's macros
template <class F>
int in_fork(F f) {
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGTERM, SIG_DFL);  // Catch2 reports it
    f();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST_CASE("remove on signal: the folder goes, and the process ends by the signal", "[io]") {
  const TemporaryFolder parent;
  const std::string folder = parent / "new";
  const auto fill = [&] {
    fs::create_directories(folder + "/run");
    std::ofstream(folder + "/run/config.ini") << "text";
  };
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) {
    const int status = in_fork([&] {
      const RemoveOnSignal guard(folder);
      fill();
      ::kill(::getpid(), number);
      for (;;) ::pause();
    });
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == number));
    CHECK(fs::is_empty(parent / ""));
  }
  // Without a signal it stays, and signals are as before.
  const int status = in_fork([&] {
    fill();
    { const RemoveOnSignal guard(folder); }
    ::raise(SIGTERM);
  });
  CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM));
  CHECK(fs::exists(folder + "/run/config.ini"));
}

}  // namespace
}  // namespace moesim::testing
