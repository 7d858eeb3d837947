// The layers that a figure shows.
#pragma once

#include "analysis/runs/read.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

struct Layers {
  std::vector<std::int64_t> labels;  // as the run file has them
  std::vector<std::size_t> places;   // among all layers of the run
};

// Those of `wanted` that the run has, of `count` layers; none wanted: all.
Layers layers_of(const Run& run, std::size_t count, const std::vector<std::int64_t>& wanted);

// Throws Exit::usage, which says what layers there are, if none of the `wanted` is.
void require_layers(const std::vector<std::int64_t>& wanted,
                    const std::vector<std::int64_t>& there);

}  // namespace moesim
