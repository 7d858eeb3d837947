// Reads and validates OpenMP's environment variables. OpenMP itself ignores malformed values, and
// ends the process if it cannot start a thread.
//
// Every function throws Exit::usage, one line with the variable, its value and the expected values.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace moesim {

inline constexpr long kMostThreads = 1024;

// OMP_NUM_THREADS, or its first item if it is a list; nothing if unset.
std::optional<int> environment_threads();

// ThreadLimit is the maximum number of OpenMP threads: the minimum of OMP_THREAD_LIMIT,
// KMP_DEVICE_THREAD_LIMIT and KMP_ALL_THREADS. `variable` is the decisive one, "" if all are unset.
struct ThreadLimit {
  int threads = kMostThreads;
  std::string variable = {};
};
ThreadLimit environment_thread_limit();

// ThreadStack is the stack size of a thread: the maximum of OMP_STACKSIZE, GOMP_STACKSIZE and
// KMP_STACKSIZE. `setting` is "OMP_STACKSIZE=1G"; 0 bytes: all are unset.
struct ThreadStack {
  std::size_t bytes = 0;
  std::string setting = {};
};
ThreadStack environment_stack();

}  // namespace moesim
