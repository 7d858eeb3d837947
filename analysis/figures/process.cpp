#include "analysis/figures/process.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

extern char** environ;

namespace moesim {
namespace {

constexpr std::size_t kMostOutput = 1 << 16;

// Until the other end is closed; false if that takes longer than until `end`.
bool read_until(int file, std::chrono::steady_clock::time_point end, std::string& text) {
  std::array<char, 4096> buffer;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        end - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{file, POLLIN, 0};
    const int count = ::poll(&ready, 1, static_cast<int>(left.count()));
    if (count < 0 && errno != EINTR) return true;
    if (count <= 0) continue;
    const ssize_t bytes = ::read(file, buffer.data(), buffer.size());
    if (bytes < 0 && errno == EINTR) continue;
    if (bytes <= 0) return true;
    const std::size_t room = kMostOutput - std::min(kMostOutput, text.size());
    text.append(buffer.data(), std::min(static_cast<std::size_t>(bytes), room));
  }
}

pid_t spawn(std::vector<std::string>& words, const std::string& folder, int output, int& reason) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // A group of its own, so that what it started ends with it; and the signals that this program
  // ignores end others.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t ignored;
  ::sigemptyset(&ignored);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaddset(&ignored, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &ignored);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  pid_t child = 0;
  reason = ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  return child;
}

}  // namespace

ProcessResult run_process(std::vector<std::string> words, const std::string& folder,
                          int limit_seconds) {
  ProcessResult result;
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    fail(Exit::internal, "no pipe: " + std::generic_category().message(errno));
  int reason = 0;
  const pid_t child = spawn(words, folder, ends[1], reason);
  ::close(ends[1]);
  if (reason != 0) {
    ::close(ends[0]);
    result.found = reason != ENOENT;
    if (result.found)
      fail(Exit::internal, words[0] + ": cannot start: " + std::generic_category().message(reason));
    return result;
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(limit_seconds);
  result.timed_out = !read_until(ends[0], end, result.output);
  if (result.timed_out) ::kill(-child, SIGKILL);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.good = !result.timed_out && WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return result;
}

}  // namespace moesim
