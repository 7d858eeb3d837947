// fetch() prefetches rows into the cache.
#pragma once

#include "sim/core/types.hpp"

namespace moesim::cpu {

// Prefetches `cols` values of each of n rows: row parts too short for the hardware prefetcher.
inline void fetch(const real* p, index n, index cols, index stride) {
  constexpr index kLine = 64 / static_cast<index>(sizeof(real));
  for (index row = 0; row < n; ++row)
    for (index c = 0; c < cols; c += kLine) __builtin_prefetch(p + row * stride + c);
}

}  // namespace moesim::cpu
