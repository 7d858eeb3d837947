// Linear layers whose weight is merged per segment, W[s] = Σ_e mix[s, e] w[e].
//
// The merged weights of some segments are computed by one product, mix · w, and used as the weights
// of a layer over these segments. Backward computes them again: stored, those of Lory's segments
// would exceed all activations. Merging and its backward pass are in `real`; factors of the layer
// have its type.
#include "sim/backend/cuda/cuda_backend.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr index kMerged = index{1} << 20;  // merged values in memory at once

// Number of segments whose weights are merged together.
index segments_at_once(const Linear& l) {
  return std::clamp<index>(kMerged / std::max<index>(1, l.in * l.out), 1, l.segments);
}

// The layer over the segments first .. first + n - 1 with their merged weights. Offsets count rows
// from the first of all; equal segments have no offsets and start at their first row.
Linear part(const Linear& l, index first, index n, const real* w, const real* bias) {
  Linear p = l;
  p.segments = n;
  p.offset = l.offset + first;
  p.host_offset = nullptr;
  p.x = l.x + first * l.each * l.in;
  p.w = w;
  p.bias = bias;
  p.experts = 0;
  p.mix = nullptr;
  return p;
}

// to[s, ·] = Σ_e mix[s, e] from[e, ·] for n segments.
Product merge(const Linear& l, index first, index n, const real* from, index size, real* to) {
  return {.m = n,
          .n = size,
          .k = l.experts,
          .a = l.mix + first * l.experts,
          .lda = l.experts,
          .b = from,
          .ldb = size,
          .c = to,
          .ldc = size};
}

// to[e, ·] (+)= Σ_s mix[s, e] from[s, ·]: distributes gradients of segments to experts.
Product spread(const Linear& l, index first, index n, const real* from, index size, Into to) {
  return {.transpose_a = true,
          .m = l.experts,
          .n = size,
          .k = n,
          .a = l.mix + first * l.experts,
          .lda = l.experts,
          .b = from,
          .ldb = size,
          .c = to.p,
          .ldc = size,
          .acc = to.acc || first > 0};
}

// dmix[s, e] (+)= <from[s], of[e]>
Product share(const Linear& l, index first, index n, const real* from, const real* of, index size,
              Into to) {
  return {.transpose_b = true,
          .m = n,
          .n = l.experts,
          .k = size,
          .a = from,
          .lda = size,
          .b = of,
          .ldb = size,
          .c = to.p + first * l.experts,
          .ldc = l.experts,
          .acc = to.acc};
}

}  // namespace

void CudaBackend::merged_linear(const Linear& l, real* slope, real* y) {
  if (l.segments == 0) return;
  const index size = l.in * l.out;
  const index step = segments_at_once(l);
  const Storage scratch = allocate(static_cast<std::size_t>(step * (size + l.out)) * sizeof(real));
  auto* w = static_cast<real*>(scratch.data());  // [step, in, out]
  real* bias = w + step * size;                  // [step, out]
  for (index first = 0; first < l.segments; first += step) {
    const index n = std::min(step, l.segments - first);
    product(merge(l, first, n, l.w, size, w));
    if (l.bias) product(merge(l, first, n, l.bias, l.out, bias));
    const index at = first * l.each * l.out;
    segment_linear(part(l, first, n, w, l.bias ? bias : nullptr), slope ? slope + at : nullptr,
                   y + at);
  }
}

// With P[s] = x[s]ᵀ dz[s] and b[s] the column sums of dz[s]: dw = mixᵀ P, dbias = mixᵀ b,
// dmix = P · wᵀ + b · biasᵀ.
void CudaBackend::merged_linear_backward(const Linear& l, const real* dz,
                                         const LinearGradients& to) {
  if (l.segments == 0) return;
  const index size = l.in * l.out;
  const index step = segments_at_once(l);
  const bool weights = to.w.p || to.mix.p, sums = to.bias.p || (to.mix.p && l.bias);
  const Storage scratch = allocate(static_cast<std::size_t>(step * (size + l.out)) * sizeof(real));
  auto* w = static_cast<real*>(scratch.data());  // merged for dx, then P
  real* b = w + step * size;
  for (index first = 0; first < l.segments; first += step) {
    const index n = std::min(step, l.segments - first);
    const Linear these = part(l, first, n, w, nullptr);
    const real* dz_part = dz + first * l.each * l.out;
    if (to.x.p) {
      product(merge(l, first, n, l.w, size, w));
      segment_gradients(these, dz_part, {.x = {to.x.p + first * l.each * l.in, to.x.acc}});
    }
    LinearGradients of_segments;
    if (weights) of_segments.w = {w, false};
    if (sums) of_segments.bias = {b, false};
    if (weights || sums) segment_gradients(these, dz_part, of_segments);
    if (to.w.p) product(spread(l, first, n, w, size, to.w));
    if (to.bias.p) product(spread(l, first, n, b, l.out, to.bias));
    if (to.mix.p) product(share(l, first, n, w, l.w, size, to.mix));
    if (to.mix.p && l.bias) product(share(l, first, n, b, l.bias, l.out, {to.mix.p, true}));
  }
}

}  // namespace moesim
