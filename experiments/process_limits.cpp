#include "experiments/process_limits.hpp"

#include "experiments/resources.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <string>
#include <sys/resource.h>
#include <system_error>
#include <thread>
#include <vector>

namespace moesim {

double memory_limit() {
  double bytes = 0;
  for (const auto resource : {RLIMIT_AS, RLIMIT_DATA}) {
    rlimit limit{};
    if (getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) continue;
    const double most = std::max(1.0, static_cast<double>(limit.rlim_cur));
    bytes = bytes == 0 ? most : std::min(bytes, most);
  }
  return bytes;
}

void leave_time_for_a_checkpoint() {
  constexpr rlim_t kLeast = 1, kMost = 60;  // seconds
  rlimit limit{};
  if (getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max == RLIM_INFINITY) return;
  const rlim_t margin = std::clamp(limit.rlim_max / 10, kLeast, kMost);
  if (limit.rlim_max <= margin) return;
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max - margin);
  setrlimit(RLIMIT_CPU, &limit);
}

void allow_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int chosen_threads(long option, std::size_t at_once) {
  if (option > 0) return static_cast<int>(option);
  const char* variable = std::getenv("OMP_NUM_THREADS");
  const std::string text = variable == nullptr ? "" : variable;
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return std::max(1, processors() / static_cast<int>(at_once));
  // A list has a number for each level of nesting; here there is one level.
  const std::size_t end = text.find_last_not_of(" \t", text.find(',', begin) - 1) + 1;
  const char* const last = text.data() + std::max(begin, end);
  long threads = 0;
  const auto [stop, error] = std::from_chars(text.data() + begin, last, threads);
  if (error != std::errc{} || stop != last || threads < 1 || threads > kMostThreads)
    fail(Exit::usage, fmt::format("OMP_NUM_THREADS={}: expected a whole number from 1 to {}; set "
                                  "it to one, or give --threads",
                                  config::printable(text, 100), kMostThreads));
  return static_cast<int>(threads);
}

void require_threads(int threads) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::vector<std::thread> started;
  std::string problem;
  try {
    while (started.size() + 1 < static_cast<std::size_t>(threads))
      started.emplace_back([&] {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return done; });
      });
  } catch (const std::system_error& error) {
    problem = error.code().message();
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_all();
  for (std::thread& thread : started) thread.join();
  if (problem.empty()) return;
  fail(Exit::internal,
       fmt::format("cannot start {} threads, only {}: {}; give fewer (--threads), or raise the "
                   "limits of processes and memory (ulimit -u, -v)",
                   threads, started.size() + 1, problem));
}

}  // namespace moesim
