// Chooses for each token every expert whose gate is positive.
#pragma once

#include "sim/core/tensor.hpp"

namespace moesim {

// gates [T, E] -> [T·E]: the number of the expert, or -1 where its gate is not positive.
Indices positive_choices(const Tensor& gates);

}  // namespace moesim
