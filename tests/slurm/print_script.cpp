// The batch script of runs 0 to COUNT - 1, for preempt.sh: the time limit is a minute, Slurm's
// shortest, and the warning is timed so that it comes 20 to 50 s after the start.
#include "experiments/slurm.hpp"
#include "sim/core/error.hpp"

#include <cstdlib>
#include <iostream>
#include <numeric>

int main(int count, char** words) {
  if (count != 6) {
    std::cerr << "usage: print_script NAME PROGRAM PLAN LOGS COUNT\n";
    return 2;
  }
  std::vector<std::size_t> runs(static_cast<std::size_t>(std::atol(words[5])));
  std::iota(runs.begin(), runs.end(), std::size_t{0});
  moesim::SlurmOptions options;
  options.partition = "low";
  options.time = "1";
  options.throttle = 2;
  options.signal_seconds = 10;
  try {
    std::cout << moesim::slurm_script(options, words[1], words[2], words[3], runs, words[4]);
  } catch (const moesim::Error& error) {
    std::cerr << error.what() << '\n';
    return static_cast<int>(error.code());
  }
}
