// Emulates the whole-warp products in use: nvcuda::wmma (bfloat16 16x16x16, tf32 16x16x8), and
// mma.sync.m16n8k16 with ldmatrix, whose layout is the PTX ISA's.
//
// The elements of a wmma fragment are distributed over the lanes by a rule that no card has, and that
// differs between kinds of products, so code that relies on a rule fails. All lanes must reach an
// operation before one continues, addresses and leading dimensions must be aligned as CUDA
// requires, and a tf32 factor must already be rounded. Products are exact in float; sums are in
// float, in order.
#pragma once

#include "cuda_bf16.h"
#include "cuda_runtime.h"
#include <cmath>
#include <type_traits>

namespace nvcuda::wmma {

struct matrix_a;
struct matrix_b;
struct accumulator;
struct row_major;
struct col_major;
namespace precision {
struct tf32;
}
enum layout_t { mem_row_major, mem_col_major };

// Rounds to 10 bits after the point, ties away from 0.
inline float __float_to_tf32(float x) {
  if (x - x != 0) return x;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(x) + 0x1000u) & 0xffffe000u);
}

namespace detail {

template <class T>
struct Stored {
  using type = T;
};
template <>
struct Stored<precision::tf32> {
  using type = float;
};

inline float value(float x) { return x; }
inline float value(__nv_bfloat16 x) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(x.bits) << 16);
}

inline void require(bool holds, const char* what) {
  if (!holds) emulation::stop(what);
}

template <class T>
void require_aligned(const T* p, unsigned ld) {
  require(reinterpret_cast<std::uintptr_t>(p) % 32 == 0, "a matrix that is not aligned");
  require(ld * sizeof(T) % 16 == 0, "a leading dimension that is no multiple of 16 bytes");
}

}  // namespace detail

template <class Use, int m, int n, int k, class T, class Layout = void>
struct fragment {
  static_assert(m == 16 && n == 16 && (k == 16 || k == 8));
  using storage = typename detail::Stored<T>::type;
  static constexpr int kRows = std::is_same_v<Use, matrix_b> ? k : m;
  static constexpr int kCols = std::is_same_v<Use, matrix_a> ? k : n;
  static constexpr int kSize = kRows * kCols, num_elements = kSize / 32;
  storage x[num_elements];

  // Maps element e of a lane to its place in the row-major matrix.
  static constexpr int kBy = k == 16 ? 37 : 21;
  static int place(int e, int lane) { return (e * 32 + lane) * kBy % kSize; }
};

template <class F, class T>
void fill_fragment(F& f, T value) {
  for (auto& x : f.x) x = value;
}

namespace detail {

template <class F, class T>
void load(F& f, const T* p, unsigned ld, bool by_rows) {
  require_aligned(p, ld);
  emulation::warp_barrier();
  const int lane = emulation::lane();
  for (int e = 0; e < F::num_elements; ++e) {
    const int at = F::place(e, lane);
    const auto row = static_cast<unsigned>(at / F::kCols),
               col = static_cast<unsigned>(at % F::kCols);
    f.x[e] = p[by_rows ? row * ld + col : col * ld + row];
  }
}

}  // namespace detail

template <class Use, int m, int n, int k, class T, class Layout, class From>
void load_matrix_sync(fragment<Use, m, n, k, T, Layout>& f, const From* p, unsigned ld) {
  detail::load(f, p, ld, std::is_same_v<Layout, row_major>);
}
template <int m, int n, int k>
void load_matrix_sync(fragment<accumulator, m, n, k, float>& f, const float* p, unsigned ld,
                      layout_t layout) {
  detail::load(f, p, ld, layout == mem_row_major);
}

template <int m, int n, int k>
void store_matrix_sync(float* p, const fragment<accumulator, m, n, k, float>& f, unsigned ld,
                       layout_t layout) {
  detail::require_aligned(p, ld);
  emulation::warp_barrier();
  const int lane = emulation::lane();
  for (int e = 0; e < f.num_elements; ++e) {
    const int at = f.place(e, lane);
    const auto row = static_cast<unsigned>(at / n), col = static_cast<unsigned>(at % n);
    p[layout == mem_row_major ? row * ld + col : col * ld + row] = f.x[e];
  }
}

// d = a · b + c: every lane makes its own elements from those of all lanes.
template <int m, int n, int k, class T, class La, class Lb>
void mma_sync(fragment<accumulator, m, n, k, float>& d, const fragment<matrix_a, m, n, k, T, La>& a,
              const fragment<matrix_b, m, n, k, T, Lb>& b,
              const fragment<accumulator, m, n, k, float>& c) {
  using A = fragment<matrix_a, m, n, k, T, La>;
  using B = fragment<matrix_b, m, n, k, T, Lb>;
  if (std::is_same_v<T, precision::tf32>)
    for (const auto* x : {&a.x, &b.x})
      for (const auto element : *x) {
        const float v = detail::value(element);
        detail::require(v - v != 0 || __float_to_tf32(v) == v, "a factor of tf32 not rounded");
      }
  // Every lane writes its elements to matrices of the warp, from which all of them read.
  static float left[32][A::kSize], right[32][B::kSize];
  const int lane = emulation::lane();
  float* const rows = left[emulation::warp()];
  float* const cols = right[emulation::warp()];
  for (int e = 0; e < A::num_elements; ++e) rows[A::place(e, lane)] = detail::value(a.x[e]);
  for (int e = 0; e < B::num_elements; ++e) {
    const int at = B::place(e, lane);
    cols[at % n * k + at / n] = detail::value(b.x[e]);  // turned
  }
  emulation::warp_barrier();
  float sums[fragment<accumulator, m, n, k, float>::num_elements];
  for (int e = 0; e < d.num_elements; ++e) {
    const int at = d.place(e, lane), row = at / n, col = at % n;
    float sum = c.x[e];
    for (int i = 0; i < k; ++i) sum += rows[row * k + i] * cols[col * k + i];
    sums[e] = sum;
  }
  emulation::warp_barrier();  // all lanes have read before one writes
  for (int e = 0; e < d.num_elements; ++e) d.x[e] = sums[e];
}

}  // namespace nvcuda::wmma

namespace emulation {

inline float low_half(std::uint32_t pair) { return std::bit_cast<float>(pair << 16); }
inline float high_half(std::uint32_t pair) { return std::bit_cast<float>(pair & 0xffff0000u); }

// sum += left · right
inline void mma_16x8x16(float (&sum)[4], const std::uint32_t (&left)[4], std::uint32_t right0,
                        std::uint32_t right1) {
  static float rows[32][16][16], cols[32][8][16];
  const int g = lane() / 4, t = lane() % 4;
  auto& a = rows[warp()];
  auto& b = cols[warp()];
  for (int i = 0; i < 4; ++i) {
    float* pair = &a[g + i % 2 * 8][2 * t + i / 2 * 8];
    pair[0] = low_half(left[i]), pair[1] = high_half(left[i]);
  }
  b[g][2 * t] = low_half(right0), b[g][2 * t + 1] = high_half(right0);
  b[g][2 * t + 8] = low_half(right1), b[g][2 * t + 9] = high_half(right1);
  warp_barrier();
  for (int e = 0; e < 4; ++e)
    for (int k = 0; k < 16; ++k) sum[e] += a[g + e / 2 * 8][k] * b[2 * t + e % 2][k];
  warp_barrier();  // all lanes have read before one writes
}

// to[i]: the pair from (g, 2t) of matrix i, or down from (2t, g); lane 8 i + j gives its row j.
inline void ldmatrix_x4(std::uint32_t (&to)[4], const __nv_bfloat16* row, bool transposed) {
  static const __nv_bfloat16* given[32][32];
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) stop("a row of ldmatrix is not aligned");
  const auto& rows = given[warp()];
  given[warp()][lane()] = row;
  warp_barrier();
  const int g = lane() / 4, t = lane() % 4;
  for (int i = 0; i < 4; ++i) {
    const std::uint32_t first = transposed ? rows[8 * i + 2 * t][g].bits : rows[8 * i + g][2 * t].bits;
    const std::uint32_t second =
        transposed ? rows[8 * i + 2 * t + 1][g].bits : rows[8 * i + g][2 * t + 1].bits;
    to[i] = second << 16 | first;
  }
  warp_barrier();
}

}  // namespace emulation
