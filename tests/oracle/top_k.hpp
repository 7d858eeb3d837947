// Parts that the oracles of top-k routers share: the bank of ReLU networks, and a plan without drops.
#pragma once

#include "tests/support/oracle_layer.hpp"

#include <vector>

namespace moesim::testing {

inline void mlp_experts(OracleLayer& layer) {
  layer.make_expert("mlp", layer.oracle().integer("d_hidden"),
                    {{"activation", "relu"}, {"bias", "none"}});
  layer.bind_expert("experts/w1", "w1");
  layer.bind_expert("experts/w2", "w2");
}

// topk_index and topk_gate [T, k] of a router that drops nothing: the plan, best gate first.
inline void compare_top_k(Oracle& oracle, const Sent& plan) {
  const index k = oracle.integer("top_k");
  const std::vector<double> index_of = ranked(plan.gate, plan.experts, k);
  oracle.compare_exactly("routing/topk_index", index_of);
  oracle.compare("routing/topk_gate", at_columns(plan.gate, plan.experts, index_of));
  oracle.require(plan.rows == static_cast<double>(plan.tokens * k), "an assignment was dropped");
}

}  // namespace moesim::testing
