// Defines how far a kernel may be from its naive twin in double, in one place.
//
// Errors are measured as |got - want| <= tolerance · max(1, |want|).
#pragma once

#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {

// A value that was computed from a sum of k terms (k = 1: elementwise).
inline double tolerance(index k = 1) {
  return (kDouble ? 1e-12 : 1e-5) * std::sqrt(static_cast<double>(std::max<index>(1, k)));
}

// Elementary functions: units in the last place of `real`.
inline constexpr double kExpUlps = 2;
inline constexpr double kFunctionUlps = 4;
// Φ, absolute.
inline constexpr double kCdfError = kDouble ? 1e-15 : 2.5e-7;

}  // namespace moesim::testing
