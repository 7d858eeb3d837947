// Rows asked for before they are needed.
#pragma once

#include "sim/core/types.hpp"

namespace moesim::cpu {

// Asks for `cols` values of each of n rows: parts of rows too short for the hardware to foresee the
// next.
inline void fetch(const real* p, index n, index cols, index stride) {
  constexpr index kLine = 64 / static_cast<index>(sizeof(real));
  for (index row = 0; row < n; ++row)
    for (index c = 0; c < cols; c += kLine) __builtin_prefetch(p + row * stride + c);
}

}  // namespace moesim::cpu
