// Runs jobs in worker processes, a limited number at a time, with one display for all.
#pragma once

#include "experiments/sweep/train_run.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim {

// Job is the work of one worker process.
struct Job {
  std::string prefix;                                // of its lines: "[3/24] soft seed 1"
  std::function<Ending(const Show& show)> work;      // called in the worker; must not throw
  std::function<void(const std::string& why)> died;  // called here if the worker dies
  double least_bytes = 0;                            // memory that it needs at least
};

// Runs the jobs, at most `most` at once, and returns how each ended, in their order;
// Exit::interrupted for jobs not begun.
// Forwards stop signals (experiments/sweep/signals.hpp) to the workers as SIGTERM; workers receive
// it too if this process dies. After Exit::output no further job begins, because the disk is full
// for all.
std::vector<Ending> supervise(const std::vector<Job>& jobs, std::size_t most);

}  // namespace moesim
