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

// The sums behind the statistics of one layer and pass, on the device. Measuring waits for nothing;
// statistics() fetches them, which is one copy of O(domains · experts) numbers.
struct Measurement {
  index experts = 0, domains = 0;  // 0: the data has none
  std::string plan;                // as by plan_name
  double tokens = 0, scored = 0;
  std::vector<double> load;  // of a custom plan, which the host has
  bool has_gates = false, has_demand = false;
  Storage sums;
};

// domain [tokens], each below `domains`; empty where the data has none.
Measurement measure(const Routing& routing, index tokens, index experts, const Indices& domain,
                    index domains, Backend& backend);
LayerStatistics statistics(const Measurement& measurement);

}  // namespace moesim
