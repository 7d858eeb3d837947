// State that learns without gradient: buffers are changed in place, on their device.
#pragma once

#include "sim/core/tensor.hpp"

namespace moesim {

// buffer := value, of as many values. The buffer keeps its memory, which recorded graphs read.
void assign(const Tensor& buffer, const Tensor& value);

// -1, 0 or 1 for every value; not a number gives 0. It has no derivative.
Tensor sign(const Tensor& x);

}  // namespace moesim
