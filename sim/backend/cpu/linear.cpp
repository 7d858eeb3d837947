// Linear layers over rows sorted by segment: the only layout of expert compute.
//
// The work is one list of (segment, row tile) items, so a skewed load costs nothing: a hot expert
// is many items, an idle one is none. Bias, activation, residual and column sums are applied to a
// tile while it is in cache.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/gemm.hpp"
#include "sim/backend/cpu/transpose.hpp"
#include "sim/backend/cpu/vector_inline.hpp"
#include "sim/backend/cpu/vector_math.hpp"

#include <algorithm>
#include <vector>

namespace moesim {

using cpu::bf16;

namespace {

constexpr index kRows = 192;     // most rows of an item
constexpr index kLowRows = 128;  // the same in bfloat16
// Rows per segment at which transposing w pays off: dx = dz wᵀ is a sixth faster with wᵀ in memory.
constexpr index kWorthTurning = 64;
constexpr index kStrip = 64;  // rows of a weight that are transposed together

struct Item {
  index segment, first, last;
};

index begin_of(const Linear& l, index segment) { return l.offset ? l.offset[segment] : 0; }
index end_of(const Linear& l, index segment) { return l.offset ? l.offset[segment + 1] : l.rows; }

index parts_of(const Linear& l, index rows) {
  const index most = l.compute == Compute::float32 ? kRows : kLowRows;
  return (rows + most - 1) / most;
}

// Cuts segments into parts of nearly equal size, because parts of a few rows are slow. In bfloat16
// each shape needs a primitive of its own, so there all parts are equal, except the last.
std::vector<Item> row_items(const Linear& l) {
  std::vector<Item> items;
  for (index segment = 0; segment < l.segments; ++segment) {
    const index begin = begin_of(l, segment), rows = end_of(l, segment) - begin;
    const index parts = parts_of(l, rows);
    const auto cut = [&](index part) {
      return begin + (l.compute == Compute::float32 ? part * rows / parts
                                                    : std::min(rows, part * kLowRows));
    };
    for (index part = 0; part < parts; ++part) items.push_back({segment, cut(part), cut(part + 1)});
  }
  return items;
}

// A factor of products: unchanged, or rounded to bfloat16 piece by piece into a copy.
class Factor {
 public:
  Factor(Backend& backend, Compute compute, const real* full, index size) : full_(full) {
    if (compute == Compute::float32 || full == nullptr) return;
    copy_ = backend.allocate(static_cast<std::size_t>(std::max<index>(1, size)) * sizeof(bf16));
    low_ = static_cast<bf16*>(copy_.data());
  }
  void round(index first, index n) const {
    if (low_) cpu::to_bf16(full_ + first, low_ + first, n);
  }
  const real* full_;
  bf16* low_ = nullptr;

 private:
  Storage copy_;
};

// Number of `rows` to sum in one product. In bfloat16 it is whole blocks, then the rest, because
// loads change from step to step and every new shape would need a primitive.
index sum_piece(index rows, Compute compute) {
  constexpr index kBlock = 1024;
  if (compute == Compute::float32 || rows <= kLowRows) return rows;
  return rows >= kBlock ? kBlock : rows / kLowRows * kLowRows;
}

// c = op(a) · op(b) + (acc ? c : 0) for the matrices that begin at these offsets of the factors.
void factor_product(bool transpose_a, bool transpose_b, index m, index n, index k, const Factor& a,
                    index at_a, index lda, const Factor& b, index at_b, index ldb, bool acc,
                    real* c, index ldc) {
  if (a.low_)
    cpu::gemm_bf16(transpose_a, transpose_b, m, n, k, a.low_ + at_a, lda, b.low_ + at_b, ldb, acc,
                   c, ldc);
  else
    cpu::gemm(transpose_a, transpose_b, m, n, k, 1, a.full_ + at_a, lda, b.full_ + at_b, ldb,
              acc ? 1 : 0, c, ldc);
}

// Zeroes the rows of x behind all segments.
void clear_tail(const Linear& l, index cols, real* x) {
  if (l.offset) std::fill(x + l.offset[l.segments] * cols, x + l.rows * cols, real{0});
}

}  // namespace

void CpuBackend::linear(const Linear& l, real* slope, real* y) {
  if (l.mix) return merged_linear(l, slope, y);
  clear_tail(l, l.out, y);
  if (slope && l.activation != Activation::none) clear_tail(l, l.out, slope);
  const std::vector<Item> items = row_items(l);
  const Factor x(*this, l.compute, l.x, l.rows * l.in);
  const Factor w(*this, l.compute, l.w, l.segments * l.in * l.out);
  if (w.low_)
    for_pieces(l.segments * l.in * l.out, 1 << 16,
               [&](index first, index last) { w.round(first, last - first); });
  for_tiles(static_cast<index>(items.size()), [&](index i) {
    const auto [segment, first, last] = items[static_cast<std::size_t>(i)];
    x.round(first * l.in, (last - first) * l.in);
    factor_product(false, false, last - first, l.out, l.in, x, first * l.in, l.in, w,
                   segment * l.in * l.out, l.out, false, y + first * l.out, l.out);
    const real* bias = l.bias ? l.bias + segment * l.out : nullptr;
    for (index row = first; row < last; ++row)
      cpu::activate(l.activation, bias, y + row * l.out, slope ? slope + row * l.out : nullptr,
                    l.out);
    if (l.residual)
      cpu::simd_loop(first * l.out, last * l.out,
                     [=, add = l.residual](index j) { y[j] += add[j]; });
  });
}

// First by tiles of rows: dz, its column sums and dx. Then by tiles of the weight, each with its
// full sum over the rows of the segment: dw. Last by segments: dbias from the column sums.
void CpuBackend::linear_backward(const Linear& l, const real* slope, real* dy,
                                 const LinearGradients& to) {
  if (l.mix) return merged_linear_backward(l, slope, dy, to);
  if (to.x.p && !to.x.acc) clear_tail(l, l.in, to.x.p);
  const std::vector<Item> items = row_items(l);
  const auto count = static_cast<index>(items.size());
  const Storage scratch = allocate(
      static_cast<std::size_t>(to.bias.p ? std::max<index>(1, count * l.out) : 1) * sizeof(real));
  auto* sums = static_cast<real*>(scratch.data());  // [items, out]
  const Factor dz(*this, l.compute, dy, l.rows * l.out);
  const Factor x(*this, l.compute, to.w.p ? l.x : nullptr, l.rows * l.in);
  const Factor w(*this, l.compute, to.x.p ? l.w : nullptr, l.segments * l.in * l.out);
  if (w.low_)
    for_pieces(l.segments * l.in * l.out, 1 << 16,
               [&](index first, index last) { w.round(first, last - first); });
  Storage turned_scratch;
  real* turned = nullptr;  // [segments, out, in]
  if (to.x.p && !w.low_ && l.rows >= kWorthTurning * l.segments) {
    turned_scratch = allocate(static_cast<std::size_t>(l.segments * l.in * l.out) * sizeof(real));
    turned = static_cast<real*>(turned_scratch.data());
    const index strips = (l.in + kStrip - 1) / kStrip;
    for_tiles(l.segments * strips, [&](index i) {
      const index segment = i / strips, row = i % strips * kStrip, at = segment * l.in * l.out;
      cpu::transpose(std::min(kStrip, l.in - row), l.out, l.w + at + row * l.out, l.out,
                     turned + at + row, l.in);
    });
  }
  for_tiles(count, [&](index i) {
    const auto [segment, first, last] = items[static_cast<std::size_t>(i)];
    const index n = last - first;
    real* rows = dy + first * l.out;
    if (l.activation != Activation::none)
      cpu::simd_loop(0, n * l.out, [=, by = slope + first * l.out](index j) { rows[j] *= by[j]; });
    if (to.bias.p) cpu::sum_columns(rows, n, l.out, sums + i * l.out);
    dz.round(first * l.out, n * l.out);
    x.round(first * l.in, n * l.in);
    if (turned)
      cpu::gemm(false, false, n, l.in, l.out, 1, rows, l.out, turned + segment * l.in * l.out, l.in,
                to.x.acc ? 1 : 0, to.x.p + first * l.in, l.in);
    else if (to.x.p)
      factor_product(false, true, n, l.in, l.out, dz, first * l.out, l.out, w,
                     segment * l.in * l.out, l.out, to.x.acc, to.x.p + first * l.in, l.in);
  });

  // As small as products are fast, so that small weights are several tiles as well.
  const bool full = l.compute == Compute::float32;
  const index tile_in = full ? 64 : 128, tile_out = full ? 128 : 256;
  const index in_tiles = (l.in + tile_in - 1) / tile_in;
  const index out_tiles = (l.out + tile_out - 1) / tile_out;
  const index weight_tiles = to.w.p ? in_tiles * out_tiles : 0;
  const index per_segment = weight_tiles + (to.bias.p ? 1 : 0);
  for_tiles(l.segments * per_segment, [&](index item) {
    const index segment = item / per_segment, tile = item % per_segment;
    const index begin = begin_of(l, segment), rows = end_of(l, segment) - begin;
    if (tile < weight_tiles) {
      const index row = tile / out_tiles * tile_in, col = tile % out_tiles * tile_out;
      index done = 0;
      do {
        const index n = sum_piece(rows - done, l.compute), at = begin + done;
        factor_product(true, false, std::min(tile_in, l.in - row), std::min(tile_out, l.out - col),
                       n, x, at * l.in + row, l.in, dz, at * l.out + col, l.out,
                       to.w.acc || done > 0, to.w.p + (segment * l.in + row) * l.out + col, l.out);
        done += n;
      } while (done < rows);
      return;
    }
    const auto before = [](const Item& a, index s) { return a.segment < s; };
    const auto first = std::lower_bound(items.begin(), items.end(), segment, before);
    const index from = first - items.begin(), pieces = parts_of(l, rows);
    real* out = to.bias.p + segment * l.out;
    cpu::simd_assign(out, to.bias.acc, 0, l.out, [=](index c) {
      double sum = 0;
      for (index i = from; i < from + pieces; ++i) sum += double(sums[i * l.out + c]);
      return static_cast<real>(sum);
    });
  });
}

}  // namespace moesim
