// best_matching() solves the assignment problem exactly: which column each row gets so that the sum
// of their values is highest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

// value [n, n]; returns the column of each row, each column once. The Hungarian method (Kuhn, 1955;
// Munkres, 1957) by shortest augmenting paths with dual potentials (Jonker and Volgenant, 1987):
// O(n³) time, exact in integers. Values are at most 2^53 in magnitude.
std::vector<std::size_t> best_matching(const std::vector<std::int64_t>& value, std::size_t n);

}  // namespace moesim
