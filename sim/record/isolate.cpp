#include "sim/record/isolate.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

constexpr char kDone = 'd', kThrew = 't';  // the first byte of what the child sends

void set_limit(decltype(RLIMIT_CPU) resource, rlim_t value) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = std::min(value, limit.rlim_max);
  setrlimit(resource, &limit);
}

// The size of the address space, 0 if unknown.
std::uint64_t address_space() {
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void restrict_to(const Allowance& allowance) {
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_CPU, allowance.cpu_seconds);
  if (const std::uint64_t now = address_space(); now > 0)
    set_limit(RLIMIT_AS, now + allowance.bytes);
  // Whoever caught these in the parent does not want to hear of the child's.
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGPIPE})
    std::signal(signal, SIG_DFL);
  // The C library reports a damaged heap on stderr; the caller gets a reason instead.
  if (const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0)
    ::dup2(null, STDERR_FILENO);
}

void send(int pipe, const std::string& bytes) {
  for (std::size_t sent = 0; sent < bytes.size();) {
    const ssize_t count = ::write(pipe, bytes.data() + sent, bytes.size() - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) ::_exit(1);
    sent += static_cast<std::size_t>(count);
  }
}

// Leaves by _exit: the parent's buffers and destructors are not the child's to run.
[[noreturn]] void be_the_child(int pipe, const Allowance& allowance,
                               const std::function<std::string()>& work) {
  restrict_to(allowance);
  std::string reply;
  try {
    reply = kDone + work();
  } catch (const std::bad_alloc&) {
    reply = std::string(1, kThrew) + "needs more memory than its size can justify";
  } catch (const std::exception& problem) {
    reply = std::string(1, kThrew) + problem.what();
  }
  send(pipe, reply);
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

[[noreturn]] void cannot_start(int reason) {
  throw std::runtime_error("cannot start a process to read it: " +
                           std::generic_category().message(reason));
}

}  // namespace

std::string isolated(const Allowance& allowance, const std::function<std::string()>& work) {
  int ends[2];
  if (::pipe(ends) != 0) cannot_start(errno);
  const pid_t child = ::fork();
  if (child < 0) {
    const int reason = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    cannot_start(reason);
  }
  if (child == 0) {
    ::close(ends[0]);
    be_the_child(ends[1], allowance, work);
  }

  ::close(ends[1]);
  std::string reply = receive(ends[0]);
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }

  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU)
    throw std::runtime_error("damaged (reading it takes for ever)");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || reply.empty())
    throw std::runtime_error("damaged (reading it crashes the HDF5 library)");
  const bool done = reply.front() == kDone;
  reply.erase(0, 1);
  if (!done) throw std::runtime_error(reply);
  return reply;
}

}  // namespace moesim
