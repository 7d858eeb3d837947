// Rounds factors to their compute type by its definition, and sums products in double.
#pragma once

#include "sim/backend/backend.hpp"

#include <cmath>

namespace moesim::testing {

// bfloat16: 8 bits, ties to even; tf32: 11 bits, ties away from 0.
inline double rounded(Compute compute, double x) {
  if (compute == Compute::float32) return x;
  const int bits = compute == Compute::bfloat16 ? 8 : 11;
  int exponent = 0;
  const double mantissa = std::ldexp(std::frexp(double(static_cast<float>(x)), &exponent), bits);
  const double whole =
      compute == Compute::bfloat16 ? std::nearbyint(mantissa) : std::round(mantissa);
  return std::ldexp(whole, exponent - bits);
}

// A sum and what it may be off by, as a share of the sum of sizes.
struct Sum {
  double value = 0, size = 0;
  void add(double term) { value += term, size += std::abs(term); }
  // A term that is itself a small difference of large values.
  void add(double term, double by) { value += term, size += std::abs(by); }
};

}  // namespace moesim::testing
