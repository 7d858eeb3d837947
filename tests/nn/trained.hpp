// Trained is a small model whose choices matter; for tests of generation.
#pragma once

#include "tests/support/catch.hpp"
#include "tests/train/support.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace moesim::testing {

using Values = std::vector<std::string>;
using Ids = std::vector<std::int32_t>;

inline constexpr double kGenerated = 1e-12;
inline constexpr double kCached = 1e-10;
inline const Ids kText = {3, 1, 4, 1, 5, 9, 2, 6,
                          5, 3, 5, 8, 9, 7, 9, 3};  // as long as the positions

// Routers that were initialised are close to indifferent; larger weights make choices matter.
struct Trained : Training {
  explicit Trained(const Values& values) : Training(values, 1) {
    for (const Parameter& p : model->parameters()) {
      std::vector<real> v = p.value.to_host();
      for (real& each : v) each *= 3;
      Tensor value = p.value;
      value.from_host(v);
    }
  }
};

inline void require_same_logits(const std::vector<real>& a, const std::vector<real>& b,
                                double tolerance = kGenerated) {
  REQUIRE(a.size() == b.size());
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
    difference =
        std::max(difference, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  REQUIRE(largest > 0.01);
  REQUIRE(difference <= tolerance * largest);
}

}  // namespace moesim::testing
