#include "sim/record/isolate.hpp"

#include "sim/io/file.hpp"
#include "sim/io/fork.hpp"

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

constexpr char kDone = 'd', kThrew = 't', kNoMemory = 'm';  // the first byte of a reply

using Resource = decltype(RLIMIT_CPU);

rlim_t limit_of(Resource resource) {
  rlimit limit{};
  return getrlimit(resource, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

bool is_tighter(std::uint64_t limit, std::uint64_t value) {
  return limit != RLIM_INFINITY && limit <= value;
}

// Sets a limit, but never above `most`, the caller's.
void set_limit(Resource resource, rlim_t value, rlim_t most) {
  rlimit limit{};
  if (getrlimit(resource, &limit) != 0) return;
  limit.rlim_cur = is_tighter(most, value) ? most : value;
  setrlimit(resource, &limit);
}

// The size of the address space; without /proc an upper bound that ignores device memory.
std::uint64_t address_space() {
  constexpr std::uint64_t kMost = std::uint64_t{8} << 30;
  std::uint64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages == 0 ? kMost : pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

// Processor time of this process so far, in seconds, rounded up.
std::uint64_t used_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + 1;
}

void restrict_to(const Allowance& allowance, const CallersLimits& callers) {
  set_limit(RLIMIT_CORE, 0, RLIM_INFINITY);
  set_limit(RLIMIT_CPU, used_seconds() + allowance.cpu_seconds, callers.cpu_seconds);
  set_limit(RLIMIT_AS, address_space() + allowance.bytes, callers.bytes);
  // Handlers inherited from the parent must not run for a crash of the child.
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGPIPE})
    std::signal(signal, SIG_DFL);
  // The parent may block this signal to stop cleanly; the child must be killed by it.
  sigset_t time_is_up;
  ::sigemptyset(&time_is_up);
  ::sigaddset(&time_is_up, SIGXCPU);
  ::sigprocmask(SIG_UNBLOCK, &time_is_up, nullptr);
  // The C library reports a damaged heap on stderr; the caller gets a reason instead.
  if (const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC); null >= 0) {
    ::dup2(null, STDERR_FILENO);
    if (null != STDERR_FILENO) ::close(null);
  }
}

// True if little or an unknown amount of memory is left below a limit of the caller. HDF5 reports a
// lack of memory in the same way as damage.
bool is_short_of_memory(const CallersLimits& callers) {
  constexpr std::uint64_t kLittle = std::uint64_t{64} << 20;
  std::ifstream status("/proc/self/status");
  for (std::string key; status >> key; status.ignore(256, '\n'))
    if (std::uint64_t peak = 0; key == "VmPeak:" && status >> peak)
      return callers.bytes < 1024 * peak + kLittle;
  return true;
}

const char* reason_of_death(int status) {
  // A limit of the caller is not damage.
  const int killer = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  if (killer == SIGXCPU)
    return limit_of(RLIMIT_CPU) != RLIM_INFINITY
               ? "no processor time is left to read it (ulimit -t)"
               : "damaged (reading it takes for ever)";
  if (killer == SIGKILL) return "the process that read it was killed; memory may be short";
  return limit_of(RLIMIT_AS) != RLIM_INFINITY
             ? "damaged, or memory is short (ulimit -v): reading it crashes"
             : "damaged (reading it crashes the HDF5 library)";
}

}  // namespace

CallersLimits callers_limits() { return {limit_of(RLIMIT_CPU), limit_of(RLIMIT_AS)}; }

std::string restricted(const Allowance& allowance, const CallersLimits& callers,
                       const std::function<std::string()>& work) {
  const bool tighter = is_tighter(callers.bytes, address_space() + allowance.bytes);
  restrict_to(allowance, callers);
  try {
    return kDone + work();
  } catch (const std::bad_alloc&) {
    if (tighter) return {kNoMemory};
    return std::string(1, kThrew) + "needs more memory than its size can justify";
  } catch (const std::exception& problem) {
    if (tighter && is_short_of_memory(callers)) return {kNoMemory};
    return std::string(1, kThrew) + problem.what();
  }
}

std::string result_of(std::string reply) {
  const char kind = reply.at(0);
  if (kind == kNoMemory) throw std::bad_alloc();
  reply.erase(0, 1);
  if (kind != kDone) throw std::runtime_error(reply);
  return reply;
}

void throw_death(int status) {
  // With little memory left below a limit of the caller, libraries crash in many ways.
  constexpr std::uint64_t kLittle = std::uint64_t{64} << 20;
  const rlim_t limit = limit_of(RLIMIT_AS);
  const bool crashed = WIFSIGNALED(status) && WTERMSIG(status) != SIGXCPU;
  if (crashed && limit != RLIM_INFINITY && limit < address_space() + kLittle)
    throw std::bad_alloc();
  throw std::runtime_error(reason_of_death(status));
}

std::string isolated(const Allowance& allowance, const std::function<std::string()>& work) {
  const CallersLimits callers = callers_limits();
  const ChildEnd end = [&] {
    try {
      return in_forked_child([&] { return restricted(allowance, callers, work); });
    } catch (const std::system_error& problem) {
      fail_short("cannot start a process to read run files", problem.code().value());
    }
  }();
  if (!WIFEXITED(end.status) || WEXITSTATUS(end.status) != 0 || end.bytes.empty())
    throw_death(end.status);
  return result_of(end.bytes);
}

}  // namespace moesim
