// drops_at() counts what expert capacity would drop of the assignments of a trace.
#pragma once

#include "analysis/traces/trace.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace moesim {

// The order in which the tokens of a group get the places of an expert.
enum class WhatIfFill {
  trace,     // as listed
  token,     // token by token
  choice,    // first choices, then second ones, by position
  priority,  // the same by falling gate of the token's first choice
};

// The place of every row among those of its expert and group, from 0. size: tokens of a group.
std::vector<std::int32_t> places_in_groups(const TraceLayer& layer, std::int64_t size,
                                           WhatIfFill fill);

// Sums over a layer.
struct WhatIfDrops {
  double assignments = 0, dropped = 0;
  double tokens = 0, unrouted = 0;  // unrouted: tokens that no expert processes
  double gates = 0, lost = 0;       // Σ gate of all rows, and of dropped ones

  void add(const WhatIfDrops& other);
};

// Which rows are dropped: those whose place is not below capacity(tokens of their group), where that
// is not 0 (no limit).
std::vector<bool> dropped_rows(const TraceLayer& layer, const std::vector<std::int32_t>& places,
                               std::int64_t tokens, std::int64_t size,
                               const std::function<std::int64_t(std::int64_t)>& capacity);

WhatIfDrops drops_at(const TraceLayer& layer, const std::vector<bool>& dropped,
                     std::int64_t tokens);

}  // namespace moesim
