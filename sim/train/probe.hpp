// future_leak() measures whether the predictions of a trained model depend on later tokens, and at
// which positions. It tests the model itself, whatever the router declares.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

namespace moesim {

struct FutureLeak {
  // The largest change of a logit at or before a position if only later tokens of the same sequence
  // change. 0: no change beyond rounding (1e-4 of the largest logit in float, 1e-12 in double).
  double change = 0;
  // The first and the last position whose logits change; -1 without a leak.
  index first = -1, last = -1;

  bool leaks() const { return change > 0; }
};

// Replaces the later tokens of `batch` validation sequences from several positions on, in training
// and evaluation mode. If that shows a leak, every position is tested, on fewer sequences.
FutureLeak future_leak(Transformer& model, const Task& task, const Dataset& data, index batch,
                       Backend& backend);

}  // namespace moesim
