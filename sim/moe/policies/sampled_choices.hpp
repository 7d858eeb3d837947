// Chooses a token's best expert and draws its other experts in proportion to their
// probability (second_expert_policy = sampling of torchscale, and DeepSpeed's top-2).
#pragma once

#include "sim/core/tensor.hpp"
#include "sim/nn/context.hpp"

namespace moesim {

// The expert with the largest logit, then k - 1 others without replacement: those with the largest
// l_e - log(-log u_e), u uniform (Gumbel top-k; Kool et al. 2019). logits [T, E] -> [T·k]
Indices sample_choices(const Tensor& logits, index k, const Context& context);

}  // namespace moesim
