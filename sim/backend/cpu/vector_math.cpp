#include "sim/backend/cpu/vector_math.hpp"

#include "sim/backend/cpu/vector_inline.hpp"

#include <algorithm>

namespace moesim::cpu {

void activate(Activation activation, const real* z, real* y, index n) {
  switch (activation) {
    case Activation::none:
      if (y != z) std::copy_n(z, n, y);
      return;
    case Activation::relu:
      return simd_loop(0, n, [=](index i) { y[i] = relu(z[i]); });
    case Activation::gelu:
      return simd_loop(0, n, [=](index i) { y[i] = gelu(z[i]); });
    case Activation::silu:
      return simd_loop(0, n, [=](index i) { y[i] = silu(z[i]); });
    case Activation::tanh:
      return simd_loop(0, n, [=](index i) { y[i] = vtanh(z[i]); });
    case Activation::sigmoid:
      return simd_loop(0, n, [=](index i) { y[i] = vsigmoid(z[i]); });
  }
}

void activate_backward(Activation activation, const real* z, real* dy, index n) {
  switch (activation) {
    case Activation::none:
      return;
    case Activation::relu:
      return simd_loop(0, n, [=](index i) { dy[i] *= relu_slope(z[i]); });
    case Activation::gelu:
      return simd_loop(0, n, [=](index i) { dy[i] *= gelu_slope(z[i]); });
    case Activation::silu:
      return simd_loop(0, n, [=](index i) { dy[i] *= silu_slope(z[i]); });
    case Activation::tanh:
      return simd_loop(0, n, [=](index i) { dy[i] *= tanh_slope(vtanh(z[i])); });
    case Activation::sigmoid:
      return simd_loop(0, n, [=](index i) { dy[i] *= sigmoid_slope(vsigmoid(z[i])); });
  }
}

real exp_and_sum(const real* x, real shift, real* y, index n) {
  return simd_sum<real>(n, [=](index i) { return y[i] = vexp(x[i] - shift); });
}

}  // namespace moesim::cpu
