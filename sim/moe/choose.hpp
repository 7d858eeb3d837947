// assign() turns discrete choices into an Assignment.
#pragma once

#include "sim/moe/routing.hpp"
#include "sim/ops/choose.hpp"

#include <limits>

namespace moesim {

// `pieces` consecutive pieces of `rows_each` rows.
Segments equal_segments(index pieces, index rows_each, Backend& backend);

// The plan of tokens that choose experts. choice [T·k]: expert numbers (-1: none); kept: the same
// with dropped ones at -1, of which at most `most` remain; gates [T, k] (empty: 1). Rows within an
// expert are in the order of tokens.
Assignment assign(const Indices& choice, const Indices& kept, index k, index experts,
                  const Tensor& gates, index most = std::numeric_limits<index>::max());

}  // namespace moesim
