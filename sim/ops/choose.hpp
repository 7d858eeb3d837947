// Declares the ops that make discrete choices: top-k, capacity, histogram. They have no derivative;
// ties go to the lower index.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

// Column numbers of the k largest values of every row, best first. x [rows, cols] -> [rows·k]
Indices top_k(const Tensor& x, index k);

// Rows with the k largest values of every column of every group, best first. x [groups·r, cols] ->
// groups·cols·k row numbers within the group
Indices top_k_rows(const Tensor& x, index groups, index k);

// The choices (tokens·k expert numbers, -1: none) with those at full experts set to -1. `group`
// consecutive tokens share `capacity` rows per expert (0: no limit). priority [tokens]: for
// Order::score.
Indices fill_capacity(const Indices& choice, index k, index experts, index group, index capacity,
                      Order order, const Tensor& priority = {});

// Number of occurrences of each of 0 .. buckets-1.
Indices histogram(const Indices& key, index buckets);

}  // namespace moesim
