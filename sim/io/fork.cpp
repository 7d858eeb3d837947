#include "sim/io/fork.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

// Waits for bytes or the end of the pipe. False if `stop` became true before.
bool readable(int pipe, const std::function<bool()>& stop) {
  constexpr int kMilliseconds = 200;
  pollfd ready{pipe, POLLIN, 0};
  while (!stop()) {
    const int count = ::poll(&ready, 1, kMilliseconds);
    if (count > 0 || (count < 0 && errno != EINTR)) return true;
  }
  return false;
}

std::string receive(const Child& child, const std::function<bool()>& stop) {
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    if (stop && !readable(child.pipe, stop)) {
      ::kill(child.pid, SIGKILL);
      return bytes;
    }
    const ssize_t count = ::read(child.pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

bool send_bytes(int pipe, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(pipe, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

Child fork_child(const std::function<void(int pipe)>& work) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category());
  const pid_t child = ::fork();
  if (child < 0) {
    const int reason = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    throw std::system_error(reason, std::generic_category());
  }
  if (child == 0) {
    ::close(ends[0]);
    // The parent may have handlers that explain its own end. The child needs none: the parent
    // learns how it ended from waitpid.
    for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
      std::signal(signal, SIG_DFL);
    work(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  return {child, ends[0]};
}

ChildEnd in_forked_child(const std::function<std::string()>& work,
                         const std::function<bool()>& stop) {
  const Child child = fork_child([&](int pipe) {
    if (!send_bytes(pipe, work())) ::_exit(1);
  });
  ChildEnd end;
  end.bytes = receive(child, stop);
  ::close(child.pipe);
  rusage usage{};
  while (::wait4(child.pid, &end.status, 0, &usage) < 0 && errno == EINTR) {
  }
  end.peak_bytes = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  return end;
}

}  // namespace moesim
