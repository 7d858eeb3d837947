// Moving rows and entries.
#pragma once

#include "sim/core/tape.hpp"

#include <vector>

namespace moesim {

// Positions sorted by a key below `buckets`: those of key b are order[offset[b] .. offset[b+1]], in
// rising order; positions with a negative key are left out.
struct RowOrder {
  Indices offset, order;

  explicit operator bool() const { return static_cast<bool>(offset); }
};
RowOrder order_by(const Indices& key, index buckets);

// y[i] = x[row[i]]; a negative row gives zeros. x [R, D] -> [n, D]. Repeats are allowed.
// order: order_by(row, R), where it is there already.
Tensor gather_rows(const Tensor& x, const Indices& row, const RowOrder& order = {});

// y[t] = Σ_{i: token[i] = t} gate[i] · u[i], summed in the order of i. u [N, D], gate [N] or empty.
// order: order_by(token, tokens), where it is there already. -> [tokens, D]
Tensor combine_rows(const Tensor& u, const Tensor& gate, const Indices& token, index tokens,
                    const RowOrder& order = {});

// The rows of all parts, one part after the other; parts have the same number of columns.
Tensor concat_rows(const std::vector<Tensor>& parts);

// Blocks of `inner` values, [outer, middle, inner] -> [middle, outer, inner].
Tensor swap_blocks(const Tensor& x, index outer, index middle, index inner);

// y[i] = x[at[i]] over the flat entries of x, 0 where at < 0. -> [n]
Tensor pick(const Tensor& x, const Indices& at);

}  // namespace moesim
