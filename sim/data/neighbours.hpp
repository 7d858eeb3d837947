// Finds the nearest neighbours of sparse vectors by cosine, exactly, with an inverted index.
#pragma once

#include "sim/data/embedding.hpp"

#include <vector>

namespace moesim {

struct Neighbour {
  index row;
  double similarity;
};

// For each row the `k` other rows of largest similarity > 0, the nearest first and the lower row
// first of equal ones; fewer if there are not as many. Time: see sim/data/README.md.
std::vector<std::vector<Neighbour>> nearest(const SparseVectors& vectors, index k);

// For each row whether a row before it has at least this similarity, of (0, 1]; similarities within
// 1e-6 below it count as equal, so that 1 finds equal texts.
std::vector<bool> repeated(const SparseVectors& vectors, double least);

}  // namespace moesim
