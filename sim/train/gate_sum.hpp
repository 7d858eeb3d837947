// gate_sums() measures what the gates of a token sum to in each MoE layer, and how many tokens are
// dropped.
#pragma once

#include "sim/model/transformer.hpp"

#include <vector>

namespace moesim {

struct GateSum {
  // Σ of a token's gates, dropped choices included: mean, least and most over tokens. 1 for plans
  // that are not assignments.
  double mean = 1, least = 1, most = 1;
  double dropped = 0;  // share of tokens with a dropped choice
};

// One forward pass in evaluation mode, without a tape. -> one entry per MoE layer
std::vector<GateSum> gate_sums(Transformer& model, const ModelInput& input, Context context);

}  // namespace moesim
