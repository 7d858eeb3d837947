// Declares integer arithmetic on the device: positions of entries, tokens and choices. -1 means none;
// nothing has a derivative.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tensor.hpp"

namespace moesim {

// y by the formula of IndexMap (sim/backend/kernels.hpp). -> map.size() integers
Indices map_indices(const Indices& x, const IndexMap& map);
// Without x: base + add · (a, b, c).
Indices map_indices(const IndexMap& map, Backend& backend);

// Flat positions for pick: y[i·k + j] = i·cols + choice[i·k + j]; -1 stays -1.
Indices entries_of(const Indices& choice, index k, index cols);

// y[i] = table[at[i]], -1 where at < 0.
Indices look_up(const Indices& table, const Indices& at);

// y[i] = a[i] < b[i] ? yes[i] : no[i]; an empty yes or no means -1. NaN is not less than
// anything.
Indices where_less(const Tensor& a, const Tensor& b, const Indices& yes, const Indices& no);

// factor · x as a tensor of this shape.
Tensor to_real(const Indices& x, Shape shape, double factor);

}  // namespace moesim
