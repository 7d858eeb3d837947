// Finds rows of sparse vectors that nearly repeat an earlier one.
#pragma once

#include "sim/data/embedding.hpp"

#include <vector>

namespace moesim {

// For each row whether a row before it has at least this similarity, of (0, 1]; similarities within
// 1e-6 below it count as equal, so that 1 finds equal texts.
std::vector<bool> repeated(const SparseVectors& vectors, double least);

}  // namespace moesim
