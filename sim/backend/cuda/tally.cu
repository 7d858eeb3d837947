// Sums over routed rows, for statistics, in double: within pieces of fixed size, then over the
// pieces.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <cmath>

namespace moesim {

using cuda::ceil_div;
using cuda::each;
using cuda::each_in_rows;
using cuda::each_warp;

namespace {

constexpr index kRowsPerThread = 256;  // rows per thread

}  // namespace

void CudaBackend::label_rows(const i32* offset, index segments, const i32* token, const i32* domain,
                             i32* key, index n) {
  each(stream_, n, [=] __device__(index i) {
    index segment = 0;
    if (offset != nullptr) {
      index end = segments;  // the last segment that starts at or before i
      while (end - segment > 1) {
        const index middle = (segment + end) / 2;
        if (offset[middle] <= i)
          segment = middle;
        else
          end = middle;
      }
    }
    const index t = token != nullptr ? token[i] : i;
    key[i] =
        t < 0 ? -1 : static_cast<i32>((domain != nullptr ? domain[t] : 0) * segments + segment);
  });
}

// One thread per entry of every piece's table. It reads all keys of the piece, as its neighbours
// do, and its own values.
void CudaBackend::sum_by_key(const real* x, const i32* row, const i32* key, double* y, index n,
                             index keys, index cols, index inner) {
  const index pieces = ceil_div(n, kRowsPerThread), size = keys * cols;
  const Storage scratch =
      allocate(static_cast<std::size_t>(std::max<index>(1, pieces * size)) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());  // [pieces, keys, cols]
  each_in_rows(stream_, pieces * keys, cols, [=] __device__(index at, index c) {
    const index first = at / keys * kRowsPerThread, wanted = at % keys;
    const index end = first + kRowsPerThread < n ? first + kRowsPerThread : n;
    double sum = 0;
    for (index i = first; i < end; ++i) {
      if ((key != nullptr ? key[i] : 0) != wanted) continue;
      if (x == nullptr) {
        sum += double(inner);
        continue;
      }
      const real* in = x + ((row != nullptr ? row[i] : i) * cols + c) * inner;
      double own = 0;
      for (index j = 0; j < inner; ++j) own += double(in[j]);
      sum += own;
    }
    partial[at * cols + c] = sum;
  });
  each(stream_, size, [=] __device__(index i) {
    double sum = 0;
    for (index piece = 0; piece < pieces; ++piece) sum += partial[piece * size + i];
    y[i] = sum;
  });
}

// Entropies by one warp per row, summed like a table with one entry.
void CudaBackend::sum_entropy(const real* x, double* y, index rows, index cols) {
  const index pieces = ceil_div(rows, kRowsPerThread);
  const Storage scratch =
      allocate(static_cast<std::size_t>(std::max<index>(1, rows + pieces)) * sizeof(double));
  auto* entropy = static_cast<double*>(scratch.data());
  double* partial = entropy + rows;
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real* in = x + r * cols;
    const double sum = cuda::lanes_sum<double>(cols, lane, [=](index c) { return double(in[c]); });
    const double weighted = cuda::lanes_sum<double>(cols, lane, [=](index c) {
      const double p = double(in[c]);
      return p > 0 ? p * std::log(p) : 0.0;
    });
    if (lane == 0) entropy[r] = sum > 0 ? std::log(sum) - weighted / sum : 0.0;
  });
  each(stream_, pieces, [=] __device__(index piece) {
    const index first = piece * kRowsPerThread, end = first + kRowsPerThread < rows ? first + kRowsPerThread : rows;
    double sum = 0;
    for (index r = first; r < end; ++r) sum += entropy[r];
    partial[piece] = sum;
  });
  each(stream_, 1, [=] __device__(index) {
    double sum = 0;
    for (index piece = 0; piece < pieces; ++piece) sum += partial[piece];
    *y = sum;
  });
}

}  // namespace moesim
