// What a routing did, in numbers: per layer, on the host, in double. Definitions:
// analysis/FORMAT.md.
#pragma once

#include "sim/moe/routing.hpp"

#include <vector>

namespace moesim {

// Sums over one or more forward passes of one layer; add() joins passes.
struct LayerStatistics {
  std::vector<double> demand;  // [E] assignments asked for, before capacity (mixing, merging: mass)
  std::vector<double> load;    // [E] rows processed, after capacity (mixing, merging: mass)
  std::vector<double> importance;  // [E] Σ over tokens of the weight given to the expert's output
  double tokens = 0;
  double assignments = 0;           // Σ demand
  double dropped = 0;               // assignments asked for and not served
  double unrouted = 0;              // tokens without any row of compute
  double entropy = 0;               // Σ over rows of scores of their entropy, in nats
  double scored = 0;                // rows of scores behind `entropy`
  std::vector<double> domain_load;  // [domains, E] weight of each expert in each domain's tokens;
                                    // empty without domains

  void add(const LayerStatistics& other);
  double mean_entropy() const;  // NaN without scores
};

// domains: the domain of each of the T tokens, or empty.
LayerStatistics measure(const Routing& routing, index tokens, index experts,
                        const std::vector<std::int32_t>& domains, index domain_count);

}  // namespace moesim
