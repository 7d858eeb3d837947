// Declares attention with an online softmax, and rotary positions.
#pragma once

#include "sim/core/tape.hpp"

namespace moesim {

struct AttentionShape {
  index batch = 0, length = 0, heads = 0;
  bool causal = true;
};

// softmax(q kᵀ / √d) v per head, causal or not. qkv [batch·length, 3·D]: queries, keys, values,
// each of `heads` heads. No [length, length] matrix is stored (Dao et al. 2022). -> [batch·length,
// D]
Tensor attention(const Tensor& qkv, AttentionShape shape);

// Rotates the queries and keys in qkv by their position (Su et al. 2021; pairs (i, i + d/2), base
// 10000).
Tensor rotary(const Tensor& qkv, AttentionShape shape);

}  // namespace moesim
