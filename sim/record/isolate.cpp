#include "sim/record/isolate.hpp"

#include "sim/record/child.hpp"

#include <algorithm>
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

// Processor time of this process so far, a started second counted whole.
std::uint64_t used_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1;
}

// What the child sends.
std::string reply_of(const Allowance& allowance, const std::function<std::string()>& work) {
  restrict_to(allowance);
  try {
    return kDone + work();
  } catch (const std::bad_alloc&) {
    return std::string(1, kThrew) + "needs more memory than its size can justify";
  } catch (const std::exception& problem) {
    return std::string(1, kThrew) + problem.what();
  }
}

ChildEnd run_child(const Allowance& allowance, const std::function<std::string()>& work) {
  try {
    return in_forked_child([&] { return reply_of(allowance, work); });
  } catch (const std::system_error& problem) {
    throw std::runtime_error("cannot start a process to read it: " + problem.code().message());
  }
}

}  // namespace

void restrict_to(const Allowance& allowance) {
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_CPU, used_seconds() + allowance.cpu_seconds);
  if (const std::uint64_t now = address_space(); now > 0)
    set_limit(RLIMIT_AS, now + allowance.bytes);
  // Whoever caught these in the parent does not want to hear of the child's.
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGPIPE})
    std::signal(signal, SIG_DFL);
  // The C library reports a damaged heap on stderr; the caller gets a reason instead.
  if (const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0) {
    ::dup2(null, STDERR_FILENO);
    if (null != STDERR_FILENO) ::close(null);
  }
}

const char* reason_of_death(int status) {
  return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU
             ? "damaged (reading it takes for ever)"
             : "damaged (reading it crashes the HDF5 library)";
}

std::string isolated(const Allowance& allowance, const std::function<std::string()>& work) {
  ChildEnd end = run_child(allowance, work);
  const int status = end.status;
  std::string& reply = end.bytes;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || reply.empty())
    throw std::runtime_error(reason_of_death(status));
  const bool done = reply.front() == kDone;
  reply.erase(0, 1);
  if (!done) throw std::runtime_error(reply);
  return reply;
}

}  // namespace moesim
