// Lists choices in the order in which they are given places: for traces, on the host. service_order() is that of
// capacity, demand_of_experts() that of experts which rank tokens.
#pragma once

#include "sim/core/tensor.hpp"
#include "sim/moe/routing.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace moesim {

// What ranks the choices of T tokens with k choices each, in groups of consecutive tokens.
struct ServiceRank {
  index tokens = 0, k = 1, group = 1;
  bool by_choice = false;         // all first choices before all second ones
  std::vector<real> first = {};   // [T] tokens with larger values first; empty: their order
  std::vector<real> values = {};  // [T·k] choices with larger values first; empty: not ranked
};

// The places t·k + j of all choices: group by group, in the order of service. Ties go to the earlier
// token.
std::vector<std::int32_t> service_order(const ServiceRank& rank);

// Every expert serves the first served[e] of its ranked tokens; those behind them, up to asked[e],
// are dropped. asked, served [E]; token, gate [E, T], by rank.
std::shared_ptr<DemandList> demand_of_experts(const Indices& asked, const Indices& served,
                                              const Indices& token, const Tensor& gate);

}  // namespace moesim
