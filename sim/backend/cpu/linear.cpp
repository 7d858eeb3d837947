// Linear layers over rows sorted by segment: the one layout of all expert compute.
//
// Work is one list of (segment, row tile) items, so a skewed load costs nothing: a hot expert is
// many items, an idle one is none. Bias and activation are applied to a tile while it is in cache.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/gemm.hpp"
#include "sim/backend/cpu/vector_math.hpp"

#include <algorithm>
#include <vector>

namespace moesim {
namespace {

constexpr index kRows = 128;  // rows per item

struct Item {
  index segment, first, last;
};

std::vector<Item> row_items(const Linear& l) {
  std::vector<Item> items;
  for (index segment = 0; segment < l.segments; ++segment) {
    const index begin = l.offset ? l.offset[segment] : 0;
    const index end = l.offset ? l.offset[segment + 1] : l.rows;
    for (index row = begin; row < end; row += kRows)
      items.push_back({segment, row, std::min(end, row + kRows)});
  }
  return items;
}

index begin_of(const Linear& l, index segment) { return l.offset ? l.offset[segment] : 0; }
index end_of(const Linear& l, index segment) { return l.offset ? l.offset[segment + 1] : l.rows; }

void add_bias(const real* bias, real* y, index rows, index cols) {
  for (index row = 0; row < rows; ++row) {
    real* out = y + row * cols;
#pragma omp simd
    for (index col = 0; col < cols; ++col) out[col] += bias[col];
  }
}

}  // namespace

void CpuBackend::linear(const Linear& l, real* pre, real* y) {
  const std::vector<Item> items = row_items(l);
  for_tiles(static_cast<index>(items.size()), [&](index i) {
    const auto [segment, first, last] = items[static_cast<std::size_t>(i)];
    real* z = (pre ? pre : y) + first * l.out;
    const index n = last - first;
    cpu::gemm(false, false, n, l.out, l.in, 1, l.x + first * l.in, l.in,
              l.w + segment * l.in * l.out, l.out, 0, z, l.out);
    if (l.bias) add_bias(l.bias + segment * l.out, z, n, l.out);
    if (l.activation != Activation::none)
      cpu::activate(l.activation, z, y + first * l.out, n * l.out);
  });
}

void CpuBackend::linear_backward_input(const Linear& l, const real* pre, real* dy, real* dx,
                                       bool acc) {
  const std::vector<Item> items = row_items(l);
  for_tiles(static_cast<index>(items.size()), [&](index i) {
    const auto [segment, first, last] = items[static_cast<std::size_t>(i)];
    const index n = last - first;
    real* dz = dy + first * l.out;
    if (l.activation != Activation::none)
      cpu::activate_backward(l.activation, pre + first * l.out, dz, n * l.out);
    if (dx)
      cpu::gemm(false, true, n, l.in, l.out, 1, dz, l.out, l.w + segment * l.in * l.out, l.out,
                acc ? 1 : 0, dx + first * l.in, l.in);
  });
}

void CpuBackend::linear_backward_weight(const Linear& l, const real* dz, real* dw, bool acc_w,
                                        real* dbias, bool acc_b) {
  // Tiles of the weight, each with its whole sum over the rows of the segment.
  constexpr index kIn = 128, kOut = 256;
  const index in_tiles = (l.in + kIn - 1) / kIn, out_tiles = (l.out + kOut - 1) / kOut;
  const index weight_tiles = dw ? in_tiles * out_tiles : 0;
  const index bias_tiles = dbias ? out_tiles : 0;
  const index per_segment = weight_tiles + bias_tiles;
  for_tiles(l.segments * per_segment, [&](index item) {
    const index segment = item / per_segment, tile = item % per_segment;
    const index begin = begin_of(l, segment), rows = end_of(l, segment) - begin;
    if (tile < weight_tiles) {
      const index row = tile / out_tiles * kIn, col = tile % out_tiles * kOut;
      cpu::gemm(true, false, std::min(kIn, l.in - row), std::min(kOut, l.out - col), rows, 1,
                l.x + begin * l.in + row, l.in, dz + begin * l.out + col, l.out, acc_w ? 1 : 0,
                dw + (segment * l.in + row) * l.out + col, l.out);
      return;
    }
    const index col = (tile - weight_tiles) * kOut, n = std::min(kOut, l.out - col);
    real* out = dbias + segment * l.out + col;
    double sums[kOut] = {};
    for (index row = begin; row < begin + rows; ++row) {
      const real* in = dz + row * l.out + col;
#pragma omp simd
      for (index c = 0; c < n; ++c) sums[c] += in[c];
    }
    for (index c = 0; c < n; ++c) out[c] = static_cast<real>(sums[c]) + (acc_b ? out[c] : 0);
  });
}

}  // namespace moesim
