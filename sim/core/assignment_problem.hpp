// Solves the assignment problem exactly: the permutation that maximises a sum of gains.
#pragma once

#include "sim/core/types.hpp"

#include <span>
#include <vector>

namespace moesim {

// Matching is a solution: row i is matched with column_of[i]. The duals prove it:
// row[i] + column[j] >= gain[i, j] for all i and j, with equality for matched pairs, so that no
// permutation has more than Σ row + Σ column.
struct Matching {
  std::vector<index> column_of;
  std::vector<double> row, column;  // duals
  double gain = 0;                  // Σ_i gain[i, column_of[i]]
};

// gains [n, n], finite. Shortest augmenting paths (Jonker & Volgenant 1987), O(n³).
Matching best_matching(std::span<const double> gains, index n);

}  // namespace moesim
