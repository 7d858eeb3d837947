// Training losses.
#pragma once

#include "sim/core/tape.hpp"

namespace moesim {

// Sum over the rows with a target (>= 0) of -log softmax(logits)[target], in nats, divided by n.
// logits [rows, V]. n: the number of targets of all that the loss is a mean over, such as the
// micro-batches of a step; -1: of these rows, which the host then counts. -> [1]
Tensor cross_entropy(const Tensor& logits, const Indices& target, index n = -1);

// The same row by row, without gradient: 0 where there is no target. -> [rows]
Tensor cross_entropy_rows(const Tensor& logits, const Indices& target);

}  // namespace moesim
