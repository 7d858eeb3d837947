// Defines elementary functions for kernels, in `real`, by CUDA's mathematical library.
#pragma once

#include "sim/backend/backend.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <cuda_runtime.h>
#include <limits>

namespace moesim::cuda {

__device__ inline real infinity() { return std::numeric_limits<real>::infinity(); }

__device__ inline real sigmoid(real x) { return 1 / (1 + std::exp(-x)); }
__device__ inline real softplus(real x) {
  return (x > 0 ? x : real(0)) + std::log1p(std::exp(-std::fabs(x)));
}
// Φ and its density.
__device__ inline real normal_cdf(real x) {
  return real(0.5) * std::erfc(x * real(-0.70710678118654752440));
}
__device__ inline real normal_density(real x) {
  return real(0.39894228040143267794) * std::exp(real(-0.5) * x * x);
}
__device__ inline real silu(real x) { return x * sigmoid(x); }
__device__ inline real silu_slope(real x) {
  const real s = sigmoid(x);
  return s * (1 + x * (1 - s));
}
__device__ inline real gelu(real x) { return x * normal_cdf(x); }
__device__ inline real gelu_slope(real x) { return normal_cdf(x) + x * normal_density(x); }
__device__ inline real relu(real x) { return x > 0 ? x : real(0); }

__device__ inline real activate(Activation kind, real z) {
  switch (kind) {
    case Activation::none:
      return z;
    case Activation::relu:
      return relu(z);
    case Activation::gelu:
      return gelu(z);
    case Activation::silu:
      return silu(z);
    case Activation::tanh:
      return std::tanh(z);
    case Activation::sigmoid:
      return sigmoid(z);
  }
  return z;
}

// act'(z), which may use y = act(z).
__device__ inline real activation_slope(Activation kind, real z, real y) {
  switch (kind) {
    case Activation::none:
      return 1;
    case Activation::relu:
      return z > 0 ? real(1) : real(0);
    case Activation::gelu:
      return gelu_slope(z);
    case Activation::silu:
      return silu_slope(z);
    case Activation::tanh:
      return 1 - y * y;
    case Activation::sigmoid:
      return y * (1 - y);
  }
  return 1;
}

// act(z) and act'(z).
struct Activated {
  real value, slope;
};
__device__ inline Activated activated(Activation kind, real z) {
  if (kind == Activation::gelu) {  // Φ(z) is most of the work
    const real cdf = normal_cdf(z);
    return {z * cdf, cdf + z * normal_density(z)};
  }
  const real value = activate(kind, z);
  return {value, activation_slope(kind, z, value)};
}

// bfloat16: the upper half of a float, rounded to the nearest, ties to even; NaN stays NaN.
__device__ inline std::uint16_t to_bfloat16(real x) {
  const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x));
  const std::uint32_t nearest = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
  return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? (bits >> 16) | 0x40u
                                                                       : nearest);
}
__device__ inline real from_bfloat16(std::uint16_t x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x) << 16);
}

}  // namespace moesim::cuda
