// In which order the examples of a finite split are visited. All of it is a function of its
// arguments, so a resumed run needs no state.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>

namespace moesim {

// Training: element i of a random permutation of 0 .. n-1, another one for every (seed, epoch).
index shuffled(index i, index n, std::uint64_t seed, index epoch);

// Validation: element i of a fixed permutation of 0 .. n-1 of which every beginning is spread
// evenly, so that an evaluation on a few batches samples the whole split.
index spread(index i, index n);

// The rows that batch `step` of a pass over n rows takes; steps beyond the pass begin it again.
struct Rows {
  index first, count;
};
Rows rows_of_step(index step, index batch_size, index n);

}  // namespace moesim
