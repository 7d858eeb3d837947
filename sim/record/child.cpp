#include "sim/record/child.hpp"

#include <cerrno>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

[[noreturn]] void send_and_leave(int pipe, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::write(pipe, bytes.data() + sent, bytes.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ::_exit(1);
    sent += static_cast<std::size_t>(count);
  }
  ::_exit(0);
}

std::string receive(int pipe) {
  std::string bytes;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = ::read(pipe, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return bytes;
    bytes.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

ChildEnd in_forked_child(const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::system_error(errno, std::generic_category());
  const pid_t child = ::fork();
  if (child < 0) {
    const int reason = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    throw std::system_error(reason, std::generic_category());
  }
  if (child == 0) {
    ::close(ends[0]);
    send_and_leave(ends[1], work());
  }
  ::close(ends[1]);
  ChildEnd end;
  end.bytes = receive(ends[0]);
  ::close(ends[0]);
  rusage usage{};
  while (::wait4(child, &end.status, 0, &usage) < 0 && errno == EINTR) {
  }
  end.peak_bytes = static_cast<std::size_t>(usage.ru_maxrss) * 1024;
  return end;
}

}  // namespace moesim
