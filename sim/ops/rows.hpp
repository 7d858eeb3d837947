// Declares gather and scatter of rows and entries.
#pragma once

#include "sim/core/tape.hpp"

#include <vector>

namespace moesim {

// RowOrder lists positions sorted by a key below `buckets`: those of key b are order[offset[b] ..
// offset[b+1]], ascending. Positions with a negative key are left out.
struct RowOrder {
  Indices offset, order;

  explicit operator bool() const { return static_cast<bool>(offset); }
};
RowOrder order_by(const Indices& key, index buckets);

// Gather: y[i] = x[row[i]]; 0 if row[i] < 0. x [R, D] -> [n, D]. Rows may repeat. order:
// order_by(row, R) if already computed.
Tensor gather_rows(const Tensor& x, const Indices& row, const RowOrder& order = {});

// Scatter-add: y[t] = Σ_{i: token[i] = t} gate[i] · u[i], in the order of i. u [N, D], gate [N] or
// empty (1). order: order_by(token, tokens) if already computed. -> [tokens, D]
Tensor combine_rows(const Tensor& u, const Tensor& gate, const Indices& token, index tokens,
                    const RowOrder& order = {});

// Concatenates the rows of the parts, which have the same number of columns.
Tensor concat_rows(const std::vector<Tensor>& parts);

// Transposes blocks of `inner` values: [outer, middle, inner] -> [middle, outer, inner].
Tensor swap_blocks(const Tensor& x, index outer, index middle, index inner);

// Gathers entries of x seen as a flat array: y[i] = x[at[i]], 0 if at[i] < 0. -> [n]
Tensor pick(const Tensor& x, const Indices& at);

}  // namespace moesim
