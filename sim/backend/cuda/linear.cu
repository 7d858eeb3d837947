// Linear layers. One segment or equal segments are batched products of cuBLAS and a pass for bias
// and activation; segments whose sizes only the device knows use our own tiles (grouped_linear.cu).
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/pack.hpp"

#include <type_traits>

namespace moesim {
namespace {

constexpr bool kFloat = std::is_same_v<real, float>;

bool is_ragged(const Linear& l) { return l.offset != nullptr && l.each == 0; }

struct Equal {
  explicit Equal(const Linear& l)
      : segments(l.offset != nullptr ? l.segments : 1),
        rows(l.offset != nullptr ? l.each : l.rows) {}
  index segments, rows;  // rows per segment
};

// low = x, rounded to 16 bits
template <int n>
void round_packs(const cuda::Queue& queue, const real* x, index packs, std::uint16_t* low) {
  struct alignas(n * sizeof(std::uint16_t)) LowPack {
    std::uint16_t v[n];
  };
  cuda::each(queue, packs, [=] __device__(index i) {
    const cuda::Pack<n> values = cuda::pack<n>(x, i);
    LowPack rounded;
#pragma unroll
    for (int j = 0; j < n; ++j) rounded.v[j] = cuda::to_bfloat16(values.v[j]);
    reinterpret_cast<LowPack*>(low)[i] = rounded;
  });
}

// y = act(y + bias[segment]) + residual, and slope = act'(y + bias[segment]), for segments of `rows`
// rows.
template <int n>
void finish_packs(const cuda::Queue& queue, const Linear& l, index segments, index rows, real* slope,
                  real* y) {
  const real *bias = l.bias, *residual = l.residual;
  const Activation kind = l.activation;
  const index across = l.out / n;
  cuda::each_in_rows(queue, segments * rows, across, [=] __device__(index r, index c) {
    const index at = r * across + c;
    cuda::Pack<n> value = cuda::pack<n>(y, at);
    if (bias != nullptr) {
      const index segment = segments == 1 ? 0 : int(r) / int(rows);  // 64-bit division is slower
      const cuda::Pack<n> add = cuda::pack<n>(bias, segment * across + c);
#pragma unroll
      for (int j = 0; j < n; ++j) value.v[j] += add.v[j];
    }
    if (slope != nullptr && kind != Activation::none) {
      cuda::Pack<n> slopes;
#pragma unroll
      for (int j = 0; j < n; ++j) {
        const cuda::Activated both = cuda::activated(kind, value.v[j]);
        value.v[j] = both.value, slopes.v[j] = both.slope;
      }
      cuda::pack<n>(slope, at) = slopes;
    } else {
#pragma unroll
      for (int j = 0; j < n; ++j) value.v[j] = cuda::activate(kind, value.v[j]);
    }
    if (residual != nullptr) {
      const cuda::Pack<n> add = cuda::pack<n>(residual, at);
#pragma unroll
      for (int j = 0; j < n; ++j) value.v[j] += add.v[j];
    }
    cuda::pack<n>(y, at) = value;
  });
}

// dy *= slope, in the rows of segments
template <int n>
void multiply_packs(const cuda::Queue& queue, const Linear& l, const real* slope, real* dy) {
  const i32 *begin = l.offset, *end = l.offset + l.segments;
  const index across = l.out / n;
  cuda::each_in_rows(queue, l.rows, across, [=] __device__(index r, index c) {
    if (r < *begin || r >= *end) return;
    const cuda::Pack<n> by = cuda::pack<n>(slope, r * across + c);
    cuda::Pack<n>& to = cuda::pack<n>(dy, r * across + c);
#pragma unroll
    for (int j = 0; j < n; ++j) to.v[j] *= by.v[j];
  });
}

}  // namespace

// Factors of the layer's products: x, or x rounded to bfloat16. cuBLAS has no 16-bit product with
// double sums, so in the double build the rounded values stay in `real`.
Storage CudaBackend::factor(Compute compute, const real* x, index n, const real** p) {
  *p = x;
  if (compute != Compute::bfloat16 || n == 0) return {};
  Storage copy =
      allocate(static_cast<std::size_t>(n) * (kFloat ? sizeof(std::uint16_t) : sizeof(real)));
  if (kFloat) {
    auto* low = static_cast<std::uint16_t*>(copy.data());
    cuda::with_packs(
        n, [&](auto wide) { round_packs<wide>(stream_, x, n / wide, low); }, x, low);
  } else {
    round_bfloat16(x, static_cast<real*>(copy.data()), false, n);
  }
  *p = static_cast<const real*>(copy.data());
  return copy;
}

void CudaBackend::segment_linear(const Linear& l, real* slope, real* y) {
  if (is_ragged(l)) return grouped_linear(l, slope, y);
  const Equal equal(l);
  const index rows = equal.rows, cols = l.out;
  const real *x = nullptr, *w = nullptr;
  const Storage x_copy = factor(l.compute, l.x, equal.segments * rows * l.in, &x);
  const Storage w_copy = factor(l.compute, l.w, equal.segments * l.in * l.out, &w);
  multiply_matrices({.m = rows,
                     .n = l.out,
                     .k = l.in,
                     .a = x,
                     .lda = l.in,
                     .b = w,
                     .ldb = l.out,
                     .c = y,
                     .ldc = l.out,
                     .batch = equal.segments,
                     .stride_a = rows * l.in,
                     .stride_b = l.in * l.out,
                     .stride_c = rows * l.out},
                    l.compute);
  if (!l.bias && !l.residual && l.activation == Activation::none) return;
  cuda::with_packs(
      cols, [&](auto wide) { finish_packs<wide>(stream_, l, equal.segments, rows, slope, y); },
      y, slope, l.bias, l.residual);
}

// dz = dy ⊙ slope, written over dy. Rows without a segment keep their values.
void CudaBackend::segment_dz(const Linear& l, const real* slope, real* dy) {
  if (l.activation == Activation::none) return;
  const Equal equal(l);
  if (!is_ragged(l)) return multiply(dy, slope, dy, false, equal.segments * equal.rows * l.out);
  cuda::with_packs(
      l.out, [&](auto wide) { multiply_packs<wide>(stream_, l, slope, dy); }, slope, dy);
}

// dx, dw and dbias of each segment.
void CudaBackend::segment_gradients(const Linear& l, const real* dz, const LinearGradients& to) {
  if (is_ragged(l)) return grouped_gradients(l, dz, to);
  const Equal equal(l);
  const index rows = equal.rows, all = equal.segments * rows;
  const real *z = nullptr, *x = nullptr, *w = nullptr;
  const Storage z_copy = factor(l.compute, dz, to.x.p || to.w.p ? all * l.out : 0, &z);
  const Storage x_copy = factor(l.compute, l.x, to.w.p ? all * l.in : 0, &x);
  const Storage w_copy = factor(l.compute, l.w, to.x.p ? equal.segments * l.in * l.out : 0, &w);
  if (to.x.p)
    multiply_matrices({.transpose_b = true,
                       .m = rows,
                       .n = l.in,
                       .k = l.out,
                       .a = z,
                       .lda = l.out,
                       .b = w,
                       .ldb = l.out,
                       .c = to.x.p,
                       .ldc = l.in,
                       .acc = to.x.acc,
                       .batch = equal.segments,
                       .stride_a = rows * l.out,
                       .stride_b = l.in * l.out,
                       .stride_c = rows * l.in},
                      l.compute);
  if (to.w.p)
    multiply_matrices({.transpose_a = true,
                       .m = l.in,
                       .n = l.out,
                       .k = rows,
                       .a = x,
                       .lda = l.in,
                       .b = z,
                       .ldb = l.out,
                       .c = to.w.p,
                       .ldc = l.out,
                       .acc = to.w.acc,
                       .batch = equal.segments,
                       .stride_a = rows * l.in,
                       .stride_b = rows * l.out,
                       .stride_c = l.in * l.out},
                      l.compute);
  if (to.bias.p) sum_rows(dz, to.bias.p, to.bias.acc, equal.segments, rows, l.out);
}

void CudaBackend::linear(const Linear& l, real* slope, real* y) {
  if (l.mix) return merged_linear(l, slope, y);
  segment_linear(l, slope, y);
}

void CudaBackend::linear_backward(const Linear& l, const real* slope, real* dy,
                                  const LinearGradients& to) {
  segment_dz(l, slope, dy);
  if (l.mix) return merged_linear_backward(l, dy, to);
  segment_gradients(l, dy, to);
}

}  // namespace moesim
