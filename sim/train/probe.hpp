// future_leak() measures whether the predictions of a trained model depend on later tokens. It
// tests the model itself, whatever the router declares.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

namespace moesim {

// The largest change of a logit at or before a position if only later tokens of the same sequence
// change, over several positions and sequences of a validation batch, in training and evaluation
// mode. 0: no change beyond rounding (1e-4 of the largest logit in float, 1e-12 in double).
double future_leak(Transformer& model, const Task& task, const Dataset& data, index batch,
                   Backend& backend);

}  // namespace moesim
