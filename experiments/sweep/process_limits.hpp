// The limits of a process (ulimit), and threads within them.
#pragma once

#include "experiments/sweep/openmp_environment.hpp"

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
// else the processors shared out to so many runs at once; never more than OMP_THREAD_LIMIT, with a
// warning if the option says more. Throws Exit::usage for variables of OpenMP that cannot be meant
// (openmp_environment.hpp), such as stacks that so many threads cannot have.
int chosen_threads(long option, std::size_t at_once = 1);

// Throws if this process could not start so many threads now, with stacks as OpenMP will give them:
// Exit::usage if the environment asks for their size, else Exit::internal. Without it OpenMP would
// end the process at the first parallel loop.
void require_threads(int threads);

}  // namespace moesim
