// Tests work in a child process with limits: the message names the limit that ended it.
#include "sim/record/isolate.hpp"

#include "sim/io/fork.hpp"
#include "tests/support/catch.hpp"

#include <csignal>
#include <fstream>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace moesim::testing {
namespace {

constexpr std::uint64_t kMegabyte = 1 << 20;

std::string endless() {
  volatile bool forever = true;
  while (forever) {
  }
  return {};
}

std::string large() {
  std::string bytes(256 * kMegabyte, 'x');
  return bytes.substr(0, 1);
}

std::string how_it_ends(const Allowance& allowance, const std::function<std::string()>& work) {
  try {
    return isolated(allowance, work);
  } catch (const std::bad_alloc&) {
    return "no memory";
  } catch (const std::runtime_error& problem) {
    return problem.what();
  }
}

// The same in a process whose address space may grow by so much and no more.
std::string limited(std::uint64_t bytes, const Allowance& allowance,
                    const std::function<std::string()>& work) {
  return in_forked_child([&] {
           std::uint64_t pages = 0;
           std::ifstream("/proc/self/statm") >> pages;
           rlimit limit{};
           ::getrlimit(RLIMIT_AS, &limit);
           limit.rlim_cur = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) + bytes;
           ::setrlimit(RLIMIT_AS, &limit);
           return how_it_ends(allowance, work);
         })
      .bytes;
}

TEST_CASE("isolated: the limit of time holds where the caller holds its signal back", "[record]") {
  sigset_t time_is_up, before;
  ::sigemptyset(&time_is_up);
  ::sigaddset(&time_is_up, SIGXCPU);
  ::sigprocmask(SIG_BLOCK, &time_is_up, &before);
  const std::string end = how_it_ends({.cpu_seconds = 1, .bytes = 64 * kMegabyte}, endless);
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  CHECK(end == "damaged (reading it takes for ever)");
}

TEST_CASE("isolated: memory that the caller may not have is no damage", "[record]") {
#if defined(__SANITIZE_ADDRESS__)
  WARN("skipped: the address sanitizer ends a process that runs out of memory");
#else
  const Allowance little{.cpu_seconds = 10, .bytes = 64 * kMegabyte};
  const Allowance much{.cpu_seconds = 10, .bytes = 4096 * kMegabyte};
  CHECK(how_it_ends(much, large) == "x");
  CHECK(how_it_ends(little, large) == "needs more memory than its size can justify");
  CHECK(limited(128 * kMegabyte, much, large) == "no memory");
  CHECK(limited(2048 * kMegabyte, little, large) == "needs more memory than its size can justify");
  // What a library says of damage may be a lack of memory, if little is left.
  const auto damaged = []() -> std::string { throw std::runtime_error("inflate() failed"); };
  CHECK(how_it_ends(much, damaged) == "inflate() failed");
  CHECK(limited(32 * kMegabyte, much, damaged) == "no memory");
  CHECK(limited(2048 * kMegabyte, much, damaged) == "inflate() failed");
#endif
}

}  // namespace
}  // namespace moesim::testing
