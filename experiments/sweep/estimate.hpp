// Estimates time, memory and disk of a run from a short trial.
#pragma once

#include "experiments/sweep/data_cache.hpp"
#include "sim/config/sweep.hpp"

#include <cstddef>
#include <vector>

namespace moesim {

// Estimate is the expected cost of a run.
struct Estimate {
  double step_seconds = 0;  // median; of two parts in turn: the mean of their medians by steps
  double seconds = 0;       // of the whole run: start, steps, evaluations, probe
  double memory = 0;        // peak resident memory, in bytes
  double device = 0;        // memory of a device with its own, in bytes
  double disk = 0;          // final size of the run's folder, in bytes
};

// Builds the run and trains it for about `seconds` in a child process; writes nothing. At the same
// time at_once - 1 copies of it run, because concurrent runs share memory bandwidth, caches and
// clock rate. `data` is shared between arms. least_bytes: the memory that the run needs, for the
// message if the system kills it.
Estimate estimate_run(const RunSpec& spec, int threads, double seconds, std::size_t at_once,
                      DataCache& data, double least_bytes = 0);

// The estimate of a run of two parts, one after the other; share: of its steps that are in the first.
Estimate in_turn(const Estimate& first, const Estimate& then, double share);

// Total time of runs of these durations, started in order, `at_once` at a time.
double schedule(const std::vector<double>& seconds, std::size_t at_once);

}  // namespace moesim
