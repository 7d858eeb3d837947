// Batched matrix products: tiles of the output, each with its whole sum over k.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/gemm.hpp"
#include "sim/backend/cpu/small_product.hpp"

#include <algorithm>

namespace moesim {
namespace {

// Edge of an output tile: small for long sums, which are worth a task with few rows and columns,
// larger for short ones.
index tile_edge(index k) { return k >= 1024 ? 128 : 256; }

// Up to this many multiply-adds a product does not use the provider, whose call costs as much.
constexpr index kSmall = 1 << 14;

void one_product(const Product& p, index m, index n, const real* a, const real* b, real* c) {
  if (p.m * p.n * p.k > kSmall || p.alpha != 1 || (p.transpose_a && p.transpose_b))
    cpu::gemm(p.transpose_a, p.transpose_b, m, n, p.k, p.alpha, a, p.lda, b, p.ldb,
              p.acc ? real{1} : real{0}, c, p.ldc);
  else if (p.transpose_b)
    cpu::small_product_transposed(m, n, p.k, a, p.lda, b, p.ldb, c, p.ldc, p.acc);
  else
    cpu::small_product(p.transpose_a, m, n, p.k, a, p.lda, b, p.ldb, c, p.ldc, p.acc);
}

// Below this many multiply-adds several batch entries share a task.
constexpr index kTaskWork = 1 << 16;

}  // namespace

void CpuBackend::product(const Product& p) {
  if (p.m == 0 || p.n == 0 || p.batch == 0) return;
  const index edge = tile_edge(p.k);
  const index row_tiles = (p.m + edge - 1) / edge;
  const index col_tiles = (p.n + 2 * edge - 1) / (2 * edge);
  const index tiles = row_tiles * col_tiles;
  const index work = std::max<index>(1, p.m * p.n * p.k / tiles);
  const index piece = std::max<index>(1, kTaskWork / work);
  for_pieces(p.batch * tiles, piece, [&](index first, index last) {
    for (index item = first; item < last; ++item) {
      const index entry = item / tiles, tile = item % tiles;
      const index row = tile / col_tiles * edge, col = tile % col_tiles * 2 * edge;
      const index m = std::min(edge, p.m - row), n = std::min(2 * edge, p.n - col);
      const real* a = p.a + entry * p.stride_a + (p.transpose_a ? row : row * p.lda);
      const real* b = p.b + entry * p.stride_b + (p.transpose_b ? col * p.ldb : col);
      one_product(p, m, n, a, b, p.c + entry * p.stride_c + row * p.ldc + col);
    }
  });
}

}  // namespace moesim
