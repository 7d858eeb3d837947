#include "experiments/program_output.hpp"

#include "sim/core/error.hpp"

#include <array>
#include <cerrno>
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

// Both to their ends, side by side: a full pipe would stop the program.
void read_both(const Pipe& out, std::string& out_text, const Pipe& error, std::string& error_text) {
  std::array<pollfd, 2> files{pollfd{out.reader(), POLLIN, 0}, pollfd{error.reader(), POLLIN, 0}};
  const std::array<std::string*, 2> texts{&out_text, &error_text};
  std::array<char, 4096> buffer;
  while (files[0].fd >= 0 || files[1].fd >= 0) {
    if (::poll(files.data(), files.size(), -1) < 0 && errno != EINTR) return;
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (files[i].fd < 0 || files[i].revents == 0) continue;
      const ssize_t count = ::read(files[i].fd, buffer.data(), buffer.size());
      if (count > 0)
        texts[i]->append(buffer.data(), static_cast<std::size_t>(count));
      else if (count == 0 || errno != EINTR)
        files[i].fd = -1;  // poll skips it from now on
    }
  }
}

}  // namespace

ProgramOutput output_of(std::vector<std::string> words) {
  ProgramOutput output;
  Pipe nothing, out, error;
  nothing.close_writer();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, nothing.reader(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, out.writer(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error.writer(), STDERR_FILENO);
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // The signals that this program ignores are others' to be ended by.
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t ignored;
  ::sigemptyset(&ignored);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::sigaddset(&ignored, signal);
  ::posix_spawnattr_setsigdefault(&attributes, &ignored);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int reason =
      ::posix_spawnp(&child, arguments[0], &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (reason == ENOENT) {
    output.found = false;
    return output;
  }
  if (reason != 0)
    fail(Exit::internal, words[0] + ": cannot start: " + std::generic_category().message(reason));
  out.close_writer();
  error.close_writer();
  read_both(out, output.out, error, output.error);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  output.good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return output;
}

}  // namespace moesim
