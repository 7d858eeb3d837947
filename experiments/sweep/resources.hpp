// What this machine has to offer, and what a run needs at the least.
#pragma once

#include <string>

namespace moesim {

struct Experiment;

// Bytes that a new process could use: of the system, its control group and its limits; 0 if
// unknown.
double available_memory();
// Free bytes where `folder` is or would be created; 0 if unknown.
double free_disk(const std::string& folder);
// Processors that this process may run on, or what its control group grants, rounded up.
int processors();

// Bytes without which a run cannot train: parameters, gradients, what the optimiser keeps, and what
// a training pass holds until it has gone back. Known without allocating anything, and within a
// quarter of what the run then takes (experiments/RUNS.md).
double least_memory(const Experiment& experiment);

// "1.5 GB"
std::string readable_bytes(double bytes);

}  // namespace moesim
