// Takes the rows of one micro-batch of a step.
#pragma once

#include "sim/ops/ops.hpp"

namespace moesim::testing {

// Rows part · rows to (part + 1) · rows - 1 of x.
inline Tensor part_of(const Tensor& x, index part, index rows) {
  return gather_rows(
      x, map_indices({.shape = {rows, 1, 1}, .add = {1}, .base = part * rows}, x.backend()));
}

}  // namespace moesim::testing
