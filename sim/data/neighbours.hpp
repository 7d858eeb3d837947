// Finds the nearest neighbours of sparse vectors by cosine, exactly, with inverted lists.
#pragma once

#include "sim/data/embedding.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

struct Neighbour {
  index row;
  double similarity;
};

// SearchCost counts the work of a search.
struct SearchCost {
  std::uint64_t products = 0;  // of two weights, from inverted lists
  std::uint64_t bounded = 0;   // pairs of rows whose common features were multiplied
  std::uint64_t compared = 0;  // pairs of rows that were compared in full
};

// For each row the `k` other rows of largest similarity > 0, the nearest first and the lower row
// first of equal ones; fewer if there are not as many. Adds its work to `cost`, if there is one.
// Time: see sim/data/README.md.
std::vector<std::vector<Neighbour>> nearest(const SparseVectors& vectors, index k,
                                            SearchCost* cost = nullptr);

}  // namespace moesim
