// The leak probe measures whether a trained model sees the future, on the model itself: a router's
// declaration is not trusted.
#pragma once

#include "sim/data/dataset.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

namespace moesim {

// The largest change of a logit at or before a position when only later tokens of the same sequence
// change, over several positions and sequences of a validation batch, in the modes of training and
// of evaluation. 0: nothing is
// seen beyond rounding (1e-4 of the largest logit in float, 1e-12 in double).
double future_leak(Transformer& model, const Task& task, const Dataset& data, index batch,
                   Backend& backend);

}  // namespace moesim
