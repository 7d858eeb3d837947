// Declares in-place updates of buffers (state without gradient), on their device.
#pragma once

#include "sim/core/tensor.hpp"

namespace moesim {

// Sets buffer := value, of the same number of values. The buffer keeps its address, which recorded
// graphs read.
void assign(const Tensor& buffer, const Tensor& value);

// -1, 0 or 1 for every value; 0 for NaN. No derivative.
Tensor sign(const Tensor& x);

}  // namespace moesim
