// Finds where a value that is not finite came from.
#pragma once

#include "sim/train/step_batch.hpp"

#include <string>
#include <vector>

namespace moesim {

// The first parameter with a value that is not finite, or "".
std::string damaged_parameter(const std::vector<Parameter>& parameters);

// Names the parameter, gradient, loss or value of the forward pass that is not finite, for a step
// of which nothing was updated yet. Runs its forward passes again and watches every value.
std::string diagnose(Transformer& model, const StepBatch& batch);

}  // namespace moesim
