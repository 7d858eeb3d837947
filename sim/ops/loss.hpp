// Training losses.
#pragma once

#include "sim/core/tape.hpp"

namespace moesim {

// Mean over the rows with a target (>= 0) of -log softmax(logits)[target], in nats. logits [rows,
// V]. counted: how many these are, which the host then need not be told; -1: unknown. -> [1]
Tensor cross_entropy(const Tensor& logits, const Indices& target, index counted = -1);

// The same row by row, without gradient: 0 where there is no target. -> [rows]
Tensor cross_entropy_rows(const Tensor& logits, const Indices& target);

}  // namespace moesim
