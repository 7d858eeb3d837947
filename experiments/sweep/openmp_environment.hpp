// The variables of the environment that OpenMP reads, held to the limits of options. OpenMP itself
// ignores what it cannot read, and ends the process where it cannot start a thread.
//
// Every function throws Exit::usage, one line with the variable, its value and what is expected.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace moesim {

inline constexpr long kMostThreads = 1024;

// OMP_NUM_THREADS, of a list the first. None if it is not set.
std::optional<int> environment_threads();

// How many threads OpenMP starts at the most: the least of OMP_THREAD_LIMIT,
// KMP_DEVICE_THREAD_LIMIT and KMP_ALL_THREADS. `variable` is the one that says so, "" if none does.
struct ThreadLimit {
  int threads = kMostThreads;
  std::string variable = {};
};
ThreadLimit environment_thread_limit();

// The stack of a thread: the largest that OMP_STACKSIZE, GOMP_STACKSIZE or KMP_STACKSIZE asks for.
// `setting` is "OMP_STACKSIZE=1G"; 0 bytes: none is set.
struct ThreadStack {
  std::size_t bytes = 0;
  std::string setting = {};
};
ThreadStack environment_stack();

}  // namespace moesim
