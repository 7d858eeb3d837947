// put_weights() adds the weights of mixings and mergings to a file of `moesim route`.
#pragma once

#include "sim/record/run_file.hpp"
#include "sim/train/weight_monitor.hpp"

#include <string>

namespace moesim {

// Bytes of the dispatch and combine weights of a file, before compression.
inline constexpr double kMostWeightBytes = 256.0 * (1 << 20);

// Adds plan_kind, trace_dispatch, trace_combine and trace_merge_weight, with their labels (analysis/FORMAT.md).
// experts: labels of the file's dimension `expert`.
void put_weights(RunFile& file, const RoutedWeights& weights, index experts);

// What the file does not have, in one line; "": nothing.
std::string missing_weights(const RoutedWeights& weights);

}  // namespace moesim
