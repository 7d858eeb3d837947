// Measures a routing: sums on the device, and the statistics of the layer that they make up
// (sim/moe/layer_statistics.hpp).
#pragma once

#include "sim/moe/layer_statistics.hpp"
#include "sim/moe/routing.hpp"

#include <vector>

namespace moesim {

// The sums behind the statistics of one layer and pass, on the device. Measuring waits for nothing;
// statistics() fetches them, which is one copy of O(domains · experts) numbers.
struct Measurement {
  index experts = 0, domains = 0;  // 0: the data has none
  std::string plan;                // as by plan_name
  double tokens = 0, scored = 0;
  double rows = 0;                   // of mixing and merging, which the host knows
  std::vector<double> load;          // of a custom plan, which the host has
  std::vector<std::string> metrics;  // names, in order of their values in `sums`
  bool has_gates = false, has_demand = false;
  Storage sums;
};

// Throws for metrics that cannot be recorded: a name that is not of letters, digits and _, or is
// there twice, or would be a statistic's (router_NAME), and a value that is not one number.
void check_metrics(const std::vector<Metric>& metrics);

// domain [tokens], each below `domains`; empty where the data has none.
Measurement measure(const Routing& routing, index tokens, index experts, const Indices& domain,
                    index domains, Backend& backend);
LayerStatistics statistics(const Measurement& measurement);

}  // namespace moesim
