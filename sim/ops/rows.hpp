// Moving rows and entries.
#pragma once

#include "sim/core/tape.hpp"

namespace moesim {

// y[i] = x[row[i]]; a negative row gives zeros. x [R, D] -> [n, D]. Repeats are allowed.
Tensor gather_rows(const Tensor& x, const Indices& row);

// y[t] = Σ_{i: token[i] = t} gate[i] · u[i], summed in the order of i. u [N, D], gate [N] or empty.
// -> [tokens, D]
Tensor combine_rows(const Tensor& u, const Tensor& gate, const Indices& token, index tokens);

// Blocks of `inner` values, [outer, middle, inner] -> [middle, outer, inner].
Tensor swap_blocks(const Tensor& x, index outer, index middle, index inner);

// y[i] = x[at[i]] over the flat entries of x, 0 where at < 0. -> [n]
Tensor pick(const Tensor& x, const Indices& at);

}  // namespace moesim
