#include "sim/record/isolate.hpp"

#include "sim/record/child.hpp"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <new>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace moesim {
namespace {

constexpr char kDone = 'd', kThrew = 't',
               kNoMemory = 'm';  // the first byte of what the child sends

// True if this process has such a limit already.
bool has_limit(decltype(RLIMIT_CPU) resource, rlim_t value) {
  rlimit limit{};
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         limit.rlim_cur <= value;
}

void set_limit(decltype(RLIMIT_CPU) resource, rlim_t value) {
  rlimit limit{};
  if (has_limit(resource, value) || getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = value;
  setrlimit(resource, &limit);
}

// The size of the address space; without /proc what it is at the most, but for memory of devices.
std::uint64_t address_space() {
  constexpr std::uint64_t kMost = std::uint64_t{8} << 30;
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages == 0 ? kMost : pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void restrict_to(const Allowance& allowance) {
  set_limit(RLIMIT_CORE, 0);
  set_limit(RLIMIT_CPU, allowance.cpu_seconds);
  set_limit(RLIMIT_AS, address_space() + allowance.bytes);
  std::signal(SIGPIPE, SIG_DFL);
  // Whoever holds this back, to end in good order, has no use for it here.
  std::signal(SIGXCPU, SIG_DFL);
  sigset_t time_is_up;
  ::sigemptyset(&time_is_up);
  ::sigaddset(&time_is_up, SIGXCPU);
  ::sigprocmask(SIG_UNBLOCK, &time_is_up, nullptr);
  // The C library reports a damaged heap on stderr; the caller gets a reason instead.
  if (const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0)
    ::dup2(null, STDERR_FILENO);
}

// True if little is left below a limit of the caller, or nobody knows how much. HDF5 reports a lack
// of memory as it reports damage.
bool is_short_of_memory() {
  constexpr std::uint64_t kLittle = std::uint64_t{64} << 20;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0) return false;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key; status.ignore(256, '\n'))
    if (std::uint64_t peak = 0; key == "VmPeak:" && status >> peak)
      return limit.rlim_cur < 1024 * peak + kLittle;
  return true;
}

// What the child sends.
std::string reply_of(const Allowance& allowance, const std::function<std::string()>& work) {
  const bool callers = has_limit(RLIMIT_AS, address_space() + allowance.bytes);
  restrict_to(allowance);
  try {
    return kDone + work();
  } catch (const std::bad_alloc&) {
    if (callers) return {kNoMemory};
    return std::string(1, kThrew) + "needs more memory than its size can justify";
  } catch (const std::exception& problem) {
    if (callers && is_short_of_memory()) return {kNoMemory};
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

std::string isolated(const Allowance& allowance, const std::function<std::string()>& work) {
  ChildEnd end = run_child(allowance, work);
  const int status = end.status;
  std::string& reply = end.bytes;
  // What a limit of the caller did is no damage.
  const int killer = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (killer == SIGXCPU)
    throw std::runtime_error(has_limit(RLIMIT_CPU, allowance.cpu_seconds)
                                 ? "no processor time is left to read it (ulimit -t)"
                                 : "damaged (reading it takes for ever)");
  if (killer == SIGKILL) throw std::runtime_error("what read it was killed; memory may be short");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || reply.empty())
    throw std::runtime_error(has_limit(RLIMIT_AS, address_space() + allowance.bytes)
                                 ? "damaged, or memory is short (ulimit -v): reading it crashes"
                                 : "damaged (reading it crashes the HDF5 library)");
  if (reply.front() == kNoMemory) throw std::bad_alloc();
  const bool done = reply.front() == kDone;
  reply.erase(0, 1);
  if (!done) throw std::runtime_error(reply);
  return reply;
}

}  // namespace moesim
