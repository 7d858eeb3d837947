// Sums over routed rows, for statistics. Rows are cut into pieces of fixed size with one table
// each; the tables are added in order.
#include "sim/backend/cpu/cpu_backend.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

constexpr index kPiece = 4096;

index pieces(index n) { return std::max<index>(1, (n + kPiece - 1) / kPiece); }

// y[i] = Σ over the tables of partial [tables, size]
void add_tables(const double* partial, index tables, index size, double* y) {
  std::copy_n(partial, size, y);
  for (index table = 1; table < tables; ++table)
    for (index i = 0; i < size; ++i) y[i] += partial[table * size + i];
}

// Σ p ln p makes H = ln Σ x - Σ x ln x / Σ x.
double entropy(const real* x, index n) {
  double sum = 0, weighted = 0;
  for (index i = 0; i < n; ++i) {
    const auto p = static_cast<double>(x[i]);
    sum += p;
    if (p > 0) weighted += p * std::log(p);
  }
  return sum > 0 ? std::log(sum) - weighted / sum : 0;
}

}  // namespace

void CpuBackend::label_rows(const i32* offset, index segments, const i32* token, const i32* domain,
                            i32* key, index n) {
  for_pieces(n, kPiece, [=](index first, index last) {
    index segment = 0;
    if (offset != nullptr)
      segment = std::upper_bound(offset, offset + segments, static_cast<i32>(first)) - offset - 1;
    for (index i = first; i < last; ++i) {
      while (offset != nullptr && segment + 1 < segments && i >= offset[segment + 1]) ++segment;
      const index t = token != nullptr ? token[i] : i;
      key[i] =
          t < 0 ? -1 : static_cast<i32>((domain != nullptr ? domain[t] : 0) * segments + segment);
    }
  });
}

void CpuBackend::sum_by_key(const real* x, const i32* row, const i32* key, double* y, index n,
                            index keys, index cols, index inner) {
  const index size = keys * cols;
  if (size == 0) return;
  const Storage scratch = allocate(static_cast<std::size_t>(pieces(n) * size) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  std::fill_n(partial, size, 0.0);  // for pieces without rows
  for_pieces(n, kPiece, [=](index first, index last) {
    double* table = partial + first / kPiece * size;
    std::fill_n(table, size, 0.0);
    for (index i = first; i < last; ++i) {
      const index k = key != nullptr ? key[i] : 0, r = row != nullptr ? row[i] : i;
      if (k < 0) continue;
      for (index c = 0; c < cols; ++c) {
        const real* in = x + (r * cols + c) * inner;
        double sum = x == nullptr ? static_cast<double>(inner) : 0;
        for (index j = 0; x != nullptr && j < inner; ++j) sum += static_cast<double>(in[j]);
        table[k * cols + c] += sum;
      }
    }
  });
  add_tables(partial, pieces(n), size, y);
}

void CpuBackend::sum_entropy(const real* x, double* y, index rows, index cols) {
  const Storage scratch = allocate(static_cast<std::size_t>(pieces(rows)) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  partial[0] = 0;
  for_pieces(rows, kPiece, [=](index first, index last) {
    double sum = 0;
    for (index r = first; r < last; ++r) sum += entropy(x + r * cols, cols);
    partial[first / kPiece] = sum;
  });
  add_tables(partial, pieces(rows), 1, y);
}

}  // namespace moesim
