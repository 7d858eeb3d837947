// Integers made of integers, where the device has them: which entry, which token, which choice
// stands. -1 stands for none, and none of it has a derivative.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tensor.hpp"

namespace moesim {

// As IndexMap says, x of at least the places that it reads. -> map.size() integers
Indices map_indices(const Indices& x, const IndexMap& map);
// The same without x: base + add · (a, b, c).
Indices map_indices(const IndexMap& map, Backend& backend);

// The places for pick: y[i·k + j] = i·cols + choice[i·k + j], -1 stays.
Indices entries_of(const Indices& choice, index k, index cols);

// y[i] = table[at[i]], -1 where at < 0.
Indices look_up(const Indices& table, const Indices& at);

// y[i] = a[i] < b[i] ? yes[i] : no[i]; empty: -1. Not a number is not less than anything.
Indices where_less(const Tensor& a, const Tensor& b, const Indices& yes, const Indices& no);

// factor · x, of this shape.
Tensor to_real(const Indices& x, Shape shape, double factor);

}  // namespace moesim
