// What routers share: capacity, and turning choices into an Assignment.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/routing.hpp"
#include "sim/ops/choose.hpp"

#include <limits>
#include <string>

namespace moesim {

enum class Rounding { ceil, floor, round };  // round: half to even

// Rows per expert in a group of n tokens with k choices each:
//   C = max(minimum, round(factor · n · (per_choice ? k : 1) / E)) up to a multiple of `multiple`,
//   at most n.
// Peers disagree on every part of it (rounding, k, minimum), so every part is a setting.
struct Capacity {
  double factor = 1;  // 0: no limit
  Rounding rounding = Rounding::ceil;
  bool per_choice = true;
  index minimum = 0, multiple = 1;
  index absolute = 0;  // > 0: this many, whatever n

  index rows(index n, index k, index experts) const;  // 0: no limit
};
Rounding rounding_of(const std::string& name);

// Pieces of equal size.
Segments equal_segments(index pieces, index rows_each, Backend& backend);

// The plan of tokens that chose: `choice` [T·k] expert numbers asked for (-1: none), `kept` the
// same with dropped ones at -1, of which no more than `most` can be left, gates [T, k] (empty: 1).
// Rows within an expert stand in the order of tokens.
Assignment assign(const Indices& choice, const Indices& kept, index k, index experts,
                  const Tensor& gates, index most = std::numeric_limits<index>::max());

}  // namespace moesim
