// Computes the order in which the examples of a finite split are visited. All functions are pure,
// so a resumed run needs no state.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>

namespace moesim {

// Training: element i of a random permutation of 0 .. n-1, a new one for every (seed, epoch).
index shuffled(index i, index n, std::uint64_t seed, index epoch);

// Validation: element i of a fixed permutation of 0 .. n-1 whose every prefix is spread evenly, so
// that an evaluation on a few batches samples the whole split.
index spread(index i, index n);

// The rows of batch `step` in a pass over n rows; after the last row the pass starts over.
struct BatchRows {
  index first, count;
};
BatchRows rows_of_step(index step, index batch_size, index n);

}  // namespace moesim
