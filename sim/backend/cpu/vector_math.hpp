// Spans of elementwise functions, vectorised; single-threaded, for use inside a tile.
#pragma once

#include "sim/backend/backend.hpp"

namespace moesim::cpu {

// y = act(z); y may be z.
void activate(Activation activation, const real* z, real* y, index n);
// dy *= act'(z), in place.
void activate_backward(Activation activation, const real* z, real* dy, index n);
// y = exp(x - shift); returns the sum, in a fixed order.
real exp_and_sum(const real* x, real shift, real* y, index n);

}  // namespace moesim::cpu
