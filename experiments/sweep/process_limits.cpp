#include "experiments/sweep/process_limits.hpp"

#include "experiments/sweep/openmp_environment.hpp"
#include "experiments/sweep/resources.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <iostream>
#include <mutex>
#include <pthread.h>
#include <string>
#include <sys/resource.h>
#include <system_error>
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
  const ThreadLimit limit = environment_thread_limit();
  const ThreadStack stack = environment_stack();
  long threads = option;
  if (threads == 0) {
    const auto asked = environment_threads();
    threads = asked ? *asked : std::max(1, processors() / static_cast<int>(at_once));
  }
  if (threads > limit.threads) {
    if (option > 0)
      std::cerr << fmt::format("warning: {}={}: threads are {}, not {}\n", limit.variable,
                               limit.threads, limit.threads, option);
    threads = limit.threads;
  }
  if (stack.bytes > 0) require_threads(static_cast<int>(threads));
  return static_cast<int>(threads);
}

namespace {

// Starts idle threads, to test whether they can be started.
class Waiting {
 public:
  explicit Waiting(std::size_t stack) {
    pthread_attr_init(&attributes_);
    // If the system refuses the size, starting a thread with it fails too.
    refused_ = stack == 0 ? 0 : pthread_attr_setstacksize(&attributes_, stack);
  }
  ~Waiting() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    for (const pthread_t thread : threads_) pthread_join(thread, nullptr);
    pthread_attr_destroy(&attributes_);
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  // Starts one more thread. Returns 0 or an errno.
  int start() {
    if (refused_ != 0) return refused_;
    pthread_t thread{};
    const int reason = pthread_create(&thread, &attributes_, wait, this);
    if (reason == 0) threads_.push_back(thread);
    return reason;
  }
  std::size_t size() const { return threads_.size(); }

 private:
  static void* wait(void* self) {
    auto& waiting = *static_cast<Waiting*>(self);
    std::unique_lock lock(waiting.mutex_);
    waiting.changed_.wait(lock, [&] { return waiting.done_; });
    return nullptr;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  pthread_attr_t attributes_{};
  int refused_ = 0;
  std::vector<pthread_t> threads_;
};

}  // namespace

void require_threads(int threads) {
  const ThreadStack stack = environment_stack();
  int reason = 0;
  std::size_t most = 1;
  {
    Waiting waiting(stack.bytes);
    while (reason == 0 && waiting.size() + 1 < static_cast<std::size_t>(threads))
      reason = waiting.start();
    most += waiting.size();
  }
  if (reason == 0) return;
  const std::string why = std::generic_category().message(reason);
  if (stack.bytes > 0)
    fail(Exit::usage,
         fmt::format("{}: cannot start {} threads with stacks of {}, only {}: {}; set it to less, "
                     "or unset it",
                     config::printable(stack.setting, 100), threads,
                     readable_bytes(static_cast<double>(stack.bytes)), most, why));
  fail(Exit::internal,
       fmt::format("cannot start {} threads, only {}: {}; give fewer (--threads), or raise the "
                   "limits of processes and memory (ulimit -u, -v)",
                   threads, most, why));
}

}  // namespace moesim
