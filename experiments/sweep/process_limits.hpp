// Reads and adjusts the limits of the process (ulimit), and chooses threads within them.
#pragma once

#include "experiments/sweep/openmp_environment.hpp"

#include <cstddef>

namespace moesim {

// The limit of address space (ulimit -v) or data (-d) in bytes; 0: no limit.
double memory_limit();

// If processor time is limited (ulimit -t), lowers the soft limit enough below the hard limit, at
// which the system kills, to write a checkpoint in between. Applies to this process and its
// children.
void leave_time_for_a_checkpoint();

// Raises the limit of open files to the maximum that the system allows this process.
void allow_open_files();

// The number of threads of a command: `option` (--threads) unless it is 0, else OMP_NUM_THREADS,
// else the processors divided by `at_once`; at most OMP_THREAD_LIMIT, with a warning if `option` is
// larger. Throws Exit::usage for invalid OpenMP variables (openmp_environment.hpp), such as stacks
// that are too large for this many threads.
int chosen_threads(long option, std::size_t at_once = 1);

// Throws if this process cannot start this many threads with OpenMP's stack size: Exit::usage if
// the environment sets that size, else Exit::internal. Without this check OpenMP would end the
// process at the first parallel loop.
void require_threads(int threads);

}  // namespace moesim
