// Choices: they have no derivative, and ties go to the lower index.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

// The k largest of every row, best first. x [rows, cols] -> rows·k column numbers.
Indices top_k(const Tensor& x, index k);

// For every group of rows and every column, the k rows with the largest values, best first.
// x [groups·r, cols] -> groups·cols·k row numbers within the group.
Indices top_k_rows(const Tensor& x, index groups, index k);

// Which choices find room: `choice` (tokens·k expert numbers, -1 for none), with those at full
// experts set to -1. `group` consecutive tokens share `capacity` rows per expert (0: no limit);
// priority [tokens] for Order::score.
Indices fill_capacity(const Indices& choice, index k, index experts, index group, index capacity,
                      Order order, const Tensor& priority = {});

// How often each of 0 .. buckets-1 occurs.
Indices histogram(const Indices& key, index buckets);

}  // namespace moesim
