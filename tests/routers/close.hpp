// Compares tensors with numbers worked out by hand or by a naive formula.
#pragma once

#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moesim::testing {

inline const double kClose = kDouble ? 1e-12 : 1e-4;

inline void check_close(const Tensor& got, const std::vector<double>& want) {
  const std::vector<double> values = host(got);
  REQUIRE(values.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK_THAT(values[i], WithinAbs(want[i], kClose * std::max(1.0, std::abs(want[i]))));
  }
}

}  // namespace moesim::testing
