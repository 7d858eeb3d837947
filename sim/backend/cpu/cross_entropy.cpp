// Cross-entropy of a softmax against one class per row.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/row_math.hpp"

#include <algorithm>

namespace moesim {

void CpuBackend::cross_entropy(const real* x, const i32* target, real* loss, real* lse, index rows,
                               index cols) {
  const index block = cpu::block_rows(cols);
  for_pieces(rows, std::max(block, row_piece(cols)), [=](index first, index last) {
    for (index r = first; r < last; r += block)
      cpu::log_sum_exp_rows(x + r * cols, lse + r, std::min(block, last - r), cols);
    for (index r = first; r < last; ++r)
      loss[r] = target[r] < 0 ? real(0) : lse[r] - x[r * cols + target[r]];
  });
}

void CpuBackend::cross_entropy_backward(const real* x, const i32* target, const real* lse,
                                        real weight, const real* dy, real* dx, bool acc, index rows,
                                        index cols) {
  if (dy) weight *= *dy;
  for_pieces(rows, row_piece(cols), [=](index first, index last) {
    for (index r = first; r < last; ++r) {
      const real* from = x + r * cols;
      real* to = dx + r * cols;
      if (target[r] < 0) {
        if (!acc) std::fill_n(to, cols, real(0));
        continue;
      }
      cpu::simd_assign(to, acc, 0, cols, [=, shift = lse[r]](index c) {
        return weight * cpu::vexp(from[c] - shift);
      });
      to[target[r]] -= weight;
    }
  });
}

index CpuBackend::count_correct(const real* x, const i32* target, index rows, index cols) {
  const index piece = row_piece(cols), pieces = (rows + piece - 1) / piece;
  const Storage scratch = allocate(static_cast<std::size_t>(pieces + 1) * sizeof(index));
  auto* partial = static_cast<index*>(scratch.data());
  for_pieces(rows, piece, [=](index first, index last) {
    index count = 0;
    for (index r = first; r < last; ++r) {
      if (target[r] < 0) continue;
      const real* row = x + r * cols;
      const real largest = cpu::simd_max(cols, [=](index c) { return row[c]; });
      // Of equals the first counts, as in top_k.
      count +=
          row[target[r]] == largest && std::find(row, row + target[r], largest) == row + target[r];
    }
    partial[first / piece] = count;
  });
  index count = 0;
  for (index i = 0; i < pieces; ++i) count += partial[i];
  return count;
}

}  // namespace moesim
