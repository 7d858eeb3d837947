#include "sim/io/program.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMostOutput = 1 << 16;

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      fail(Exit::internal, "no pipe: " + std::generic_category().message(errno));
  }
  ~Pipe() {
    ::close(ends_[0]);
    close_writer();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void close_writer() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_{};
};

// Reads both pipes concurrently until they close (a full pipe would block the program). False if
// `end` passes first. If there is an `end`, only the beginning of each text is kept.
bool read_both(const Pipe& out, const Pipe& error, const std::optional<Clock::time_point>& end,
               ProgramRun& run) {
  std::array<pollfd, 2> files{pollfd{out.reader(), POLLIN, 0}, pollfd{error.reader(), POLLIN, 0}};
  const std::array<std::string*, 2> texts{&run.out, &run.error};
  std::array<char, 4096> buffer;
  while (files[0].fd >= 0 || files[1].fd >= 0) {
    int wait = -1;
    if (end) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*end - Clock::now());
      if (left.count() <= 0) return false;
      wait = static_cast<int>(left.count());
    }
    if (::poll(files.data(), files.size(), wait) < 0 && errno != EINTR) return true;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i].fd < 0 || files[i].revents == 0) continue;
      const ssize_t count = ::read(files[i].fd, buffer.data(), buffer.size());
      if (count > 0) {
        auto kept = static_cast<std::size_t>(count);
        if (end) kept = std::min(kept, kMostOutput - std::min(kMostOutput, texts[i]->size()));
        texts[i]->append(buffer.data(), kept);
      } else if (count == 0 || errno != EINTR) {
        files[i].fd = -1;  // poll skips it from now on
      }
    }
  }
  return true;
}

// Starts the program. Returns 0 and sets the process id, or returns an errno.
int start(std::vector<std::string>& words, const ProgramLimits& limits, const Pipe& out,
          const Pipe& error, pid_t& child) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addchdir_np(&actions, limits.folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.writer(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error.writer(), STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  // moesim ignores these signals; other programs rely on their default action.
  sigset_t ignored;
  ::sigemptyset(&ignored);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaddset(&ignored, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &ignored);
  short flags = POSIX_SPAWN_SETSIGDEF;
  if (limits.seconds > 0) {  // a new process group, so that its children can be killed with it
    ::posix_spawnattr_setpgroup(&attributes, 0);
    flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
  }
  ::posix_spawnattr_setflags(&attributes, flags);
  const int reason =
      ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return reason;
}

}  // namespace

ProgramRun run_program(std::vector<std::string> words, const ProgramLimits& limits) {
  ProgramRun run;
  Pipe out, error;
  pid_t child = 0;
  const int reason = start(words, limits, out, error, child);
  if (reason == ENOENT) {
    run.found = false;
    return run;
  }
  if (reason != 0)
    fail(Exit::internal, words[0] + ": cannot start: " + std::generic_category().message(reason));
  out.close_writer();
  error.close_writer();
  std::optional<Clock::time_point> end;
  if (limits.seconds > 0) end = Clock::now() + std::chrono::seconds(limits.seconds);
  run.timed_out = !read_both(out, error, end, run);
  if (run.timed_out) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  run.good = !run.timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return run;
}

}  // namespace moesim
