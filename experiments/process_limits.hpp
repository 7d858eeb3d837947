// The limits of a process (ulimit), and threads within them.
#pragma once

#include <cstddef>

namespace moesim {

// Bytes of address space (ulimit -v) or data (-d) that a process may have; 0: no limit.
double memory_limit();

// Where processor time is limited (ulimit -t): lowers the soft limit so far below the hard one, at
// which the system kills, that a checkpoint can be written in between. For it and the processes
// that it forks.
void leave_time_for_a_checkpoint();

// As many open files as the system allows this process, not only as many as it starts with.
void allow_open_files();

// The threads of a command: `option` (--threads) if it is not 0, else what OMP_NUM_THREADS says,
// else the processors shared out to so many runs at once. Throws Exit::usage if OMP_NUM_THREADS is
// no number from 1 to kMostThreads.
inline constexpr long kMostThreads = 1024;
int chosen_threads(long option, std::size_t at_once = 1);

// Throws Exit::internal if this process could not start so many threads now. Without it OpenMP
// would end the process at the first parallel loop.
void require_threads(int threads);

}  // namespace moesim
