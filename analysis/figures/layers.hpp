// Selects the MoE layers that a figure shows.
#pragma once

#include "analysis/runs/read.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// Layers are the selected MoE layers of a run.
struct Layers {
  std::vector<std::int64_t> labels;  // block indices, from the run file
  std::vector<std::size_t> places;   // index among the MoE layers of the run
};

// Returns the layers of `wanted` that the run has; all `count` layers if `wanted` is empty.
Layers layers_of(const Run& run, std::size_t count, const std::vector<std::int64_t>& wanted);

// Throws Exit::usage with the list of existing layers if none of `wanted` exists.
void require_layers(const std::vector<std::int64_t>& wanted,
                    const std::vector<std::int64_t>& there);

}  // namespace moesim
