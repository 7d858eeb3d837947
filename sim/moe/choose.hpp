// Turns choices into an Assignment.
#pragma once

#include "sim/moe/routing.hpp"
#include "sim/ops/choose.hpp"

#include <limits>

namespace moesim {

// Pieces of equal size.
Segments equal_segments(index pieces, index rows_each, Backend& backend);

// The plan of tokens that chose: `choice` [T·k] expert numbers asked for (-1: none), `kept` the
// same with dropped ones at -1, of which no more than `most` can be left, gates [T, k] (empty: 1).
// Rows within an expert stand in the order of tokens.
Assignment assign(const Indices& choice, const Indices& kept, index k, index experts,
                  const Tensor& gates, index most = std::numeric_limits<index>::max());

}  // namespace moesim
