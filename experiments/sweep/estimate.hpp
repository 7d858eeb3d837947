// What a run will take, from a short trial of it.
#pragma once

#include "experiments/sweep/data_cache.hpp"
#include "sim/config/sweep.hpp"

#include <cstddef>
#include <vector>

namespace moesim {

struct Estimate {
  double step_seconds = 0;  // median
  double seconds = 0;       // of the whole run: start, steps, evaluations, probe
  double memory = 0;        // bytes of resident memory, at the most
  double device = 0;        // bytes of memory taken from a device that has its own
  double disk = 0;          // bytes of the run's folder in the end
};

// Builds the run and trains it for about `seconds`, in a child process; nothing is written. Beside
// at_once - 1 others of its kind, as it will be: runs share memory, caches and clock rate. Arms
// share the data that `data` has read. least_bytes: of memory that it needs, for the message if the
// system kills it.
Estimate estimate_run(const RunSpec& spec, int threads, double seconds, std::size_t at_once,
                      DataCache& data, double least_bytes = 0);

// How long all of them take, `at_once` at a time, in their order.
double schedule(const std::vector<double>& seconds, std::size_t at_once);

}  // namespace moesim
