// UnitAxes is where the hidden units are in a parameter of a bank of experts (HiddenUnits).
#pragma once

#include "sim/moe/expert.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// The parameter of each expert as [outer, units, inner]; without units: units = 1.
struct UnitAxes {
  index outer = 1, units = 1, inner = 1;
  index size() const { return outer * units * inner; }
};

// shape: of the parameter, [E, ...].
inline UnitAxes axes_of(const std::vector<std::int64_t>& shape, HiddenUnits::Role role) {
  using Role = HiddenUnits::Role;
  const index last = shape.back(), middle = shape.size() > 2 ? shape[1] : 1;
  if (role == Role::in || role == Role::in_bias || role == Role::factor) return {middle, last, 1};
  if (role == Role::out) return {1, middle, last};
  return {middle, 1, last};
}

}  // namespace moesim
