// diagnose() finds the origin of a NaN or infinite value.
#pragma once

#include "sim/train/step_batch.hpp"

#include <string>
#include <vector>

namespace moesim {

// The first parameter with a NaN or infinite value, or "".
std::string damaged_parameter(const std::vector<Parameter>& parameters);

// Names the parameter, gradient, loss or activation that is NaN or infinite, in a step before its
// update. Repeats the forward passes of the step and checks every value.
std::string diagnose(Transformer& model, const StepBatch& batch);

}  // namespace moesim
