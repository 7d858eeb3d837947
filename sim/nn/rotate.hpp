// rotate() applies rotary positions (Su et al. 2021) to rows with explicit positions; for whole
// sequences there is a kernel, rotary() (sim/ops/attention.hpp).
#pragma once

#include "sim/core/tensor.hpp"

namespace moesim {

// The heads that are rotated, and how.
struct Rotation {
  index heads = 0;    // of a row; their width is d
  index turned = 0;   // the first ones, which are rotated
  index rotated = 0;  // values of a head that are, in pairs (i, i + rotated / 2)
  double base = 10000;
};

// Pair i of a row at position p is rotated by the angle p · base^(-2 i / rotated). x [T, heads·d],
// position [T], none negative.
Tensor rotate(const Tensor& x, const Indices& position, const Rotation& rotation);

}  // namespace moesim
