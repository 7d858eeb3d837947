// Declares cross-entropy, the training loss.
#pragma once

#include "sim/core/tape.hpp"

namespace moesim {

// Sum over the rows with a target (>= 0) of -log softmax(logits)[target], in nats, divided by n.
// logits [rows, V]. n: number of targets that the loss is a mean over, e.g. of all micro-batches of
// a step; -1: of these rows, which the host then counts. -> [1]
Tensor cross_entropy(const Tensor& logits, const Indices& target, index n = -1);

// The same per row, without gradient; 0 for rows without a target. -> [rows]
Tensor cross_entropy_rows(const Tensor& logits, const Indices& target);

}  // namespace moesim
