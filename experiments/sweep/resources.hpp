// Measures the available memory, disk and processors, and the memory that a run needs at least.
#pragma once

#include <string>

namespace moesim {

struct Experiment;

// Bytes that a new process could use: the minimum over system, control group and limits; 0 if
// unknown.
double available_memory();
// Free bytes on the disk of `folder`, which need not exist yet; 0 if unknown.
double free_disk(const std::string& folder);
// Processors available to this process, limited by its control group's quota, rounded up.
int processors();

// Bytes without which a run cannot train: parameters, gradients, optimiser state, and activations
// kept for the backward pass. Computed without allocating anything; within a quarter of the
// measured peak (experiments/RUNS.md).
double least_memory(const Experiment& experiment);

// "1.5 GB"
std::string readable_bytes(double bytes);

}  // namespace moesim
