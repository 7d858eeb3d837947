// Declares sums and means, accumulated in double.
#pragma once

#include "sim/core/tape.hpp"

namespace moesim {

Tensor sum(const Tensor& x);   // -> [1]
Tensor mean(const Tensor& x);  // -> [1]
// Sums (means) over the rows of each of `groups` equal groups: [groups · r, cols] -> [groups,
// cols].
Tensor sum_rows(const Tensor& x, index groups = 1);
Tensor mean_rows(const Tensor& x, index groups = 1);
Tensor sum_cols(const Tensor& x);                   // [rows, cols] -> [rows]
Tensor dot_cols(const Tensor& a, const Tensor& b);  // Σ_c a[r, c] b[r, c] -> [rows]

}  // namespace moesim
