// Runs jobs in worker processes, some at a time, with one display for all.
#pragma once

#include "experiments/sweep/train_run.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct Job {
  std::string prefix;                                // for its lines: "[3/24] soft seed 1"
  std::function<Ending(const Show& show)> work;      // in the worker; does not throw
  std::function<void(const std::string& why)> died;  // here, if the worker dies
  double least_bytes = 0;                            // of memory, that it needs at the least
};

// How each job ended, in their order; Exit::interrupted for those that were not begun. A stop
// signal (experiments/sweep/signals.hpp) is passed on to the workers as SIGTERM, and so is the death of
// this process. After Exit::output no further job begins: the disk is full for all.
std::vector<Ending> supervise(const std::vector<Job>& jobs, std::size_t at_once);

}  // namespace moesim
