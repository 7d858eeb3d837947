// measure() sums a routing on the device; statistics() fetches the sums as LayerStatistics
// (sim/moe/layer_statistics.hpp).
#pragma once

#include "sim/moe/layer_statistics.hpp"
#include "sim/moe/routing.hpp"

#include <vector>

namespace moesim {

// Measurement holds the sums of one layer and pass on the device. measure() never blocks;
// statistics() fetches them with one copy of O(domains · experts) numbers.
struct Measurement {
  index experts = 0, domains = 0;  // 0: the data has none
  std::string plan;                // plan_name
  double tokens = 0, scored = 0;
  double rows = 0;                   // of mixing and merging: known on the host
  std::vector<double> load;          // of a custom plan: known on the host
  std::vector<std::string> metrics;  // names, in order of their values in `sums`
  bool has_gates = false, has_demand = false;
  Storage sums;
};

// Throws for metrics that cannot be recorded: a name with characters other than letters, digits and
// _, a repeated name, the name of a statistic (router_NAME), or a value that is not one number.
void check_metrics(const std::vector<Metric>& metrics);

// domain [tokens]: domain numbers below `domains`; empty for data without domains.
Measurement measure(const Routing& routing, index tokens, index experts, const Indices& domain,
                    index domains, Backend& backend);
LayerStatistics statistics(const Measurement& measurement);

}  // namespace moesim
