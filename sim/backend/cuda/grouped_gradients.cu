// Backward pass of linear layers over rows sorted by segment; see grouped_linear.cu.
#include "sim/backend/cuda/grouped_tiles.hpp"

namespace moesim {

using cuda::ceil_div;
using cuda::each_in_rows;
using cuda::each_warp;
using cuda::kThreads;
using cuda::put;
using cuda::Tiles;

namespace {

// dx = dz · w[s]ᵀ; tile of a block: blockIdx.x = tile · column tiles + column tile.
template <class Tile>
__global__ void __launch_bounds__(kThreads, 2)
    input_kernel(Linear l, Tiles tiles, index col_tiles, const real* dz, Into dx) {
  __shared__ typename Tile::Memory memory;
  const index tile = blockIdx.x / col_tiles, col = blockIdx.x % col_tiles * Tile::kTile;
  const index segment = tiles.segment[tile];
  if (segment < 0) return;
  const index first = tiles.first[tile], rows = l.offset[segment + 1] - first;
  const cuda::Side<true> z{dz + first * l.out, l.out, rows};
  const cuda::Side<true> w{l.w + (segment * l.in + col) * l.out, l.out, l.in - col};
  real* to = dx.p + first * l.in + col;
  const int n_rows = cuda::within(rows, Tile::kTile), cols = cuda::within(l.in - col, Tile::kTile);
  Tile::product(memory, z, w, l.out, [&](int r, int c, real sum) {
    if (r < n_rows && c < cols) put(to[r * l.in + c], dx.acc, sum);
  });
}

// dw[s] = xᵀ · dz over the rows of the segment; tile of a block: blockIdx.x = (segment · row tiles
// + row tile) · column tiles + column tile.
template <class Tile>
__global__ void __launch_bounds__(kThreads, 2)
    weight_kernel(Linear l, index row_tiles, index col_tiles, const real* dz, Into dw) {
  __shared__ typename Tile::Memory memory;
  const index segment = blockIdx.x / col_tiles / row_tiles;
  const index row = blockIdx.x / col_tiles % row_tiles * Tile::kTile;
  const index col = blockIdx.x % col_tiles * Tile::kTile;
  const index first = l.offset[segment], rows = l.offset[segment + 1] - first;
  const cuda::Side<false> x{l.x + first * l.in + row, l.in, l.in - row};
  const cuda::Side<false> z{dz + first * l.out + col, l.out, l.out - col};
  real* to = dw.p + (segment * l.in + row) * l.out + col;
  const int n_rows = cuda::within(l.in - row, Tile::kTile);
  const int cols = cuda::within(l.out - col, Tile::kTile);
  Tile::product(memory, x, z, rows, [&](int r, int c, real sum) {
    if (r < n_rows && c < cols) put(to[r * l.out + c], dw.acc, sum);
  });
}

}  // namespace

void CudaBackend::grouped_gradients(const Linear& l, const real* dz, const LinearGradients& to) {
  if (to.x.p != nullptr && !to.x.acc) clear_tail(l, l.in, to.x.p, nullptr);
  if (l.host_offset != nullptr)
    return cuda::for_segments(l, [&](const Linear& one, index first, index s) {
      LinearGradients part = to;
      if (to.x.p != nullptr) part.x.p += first * l.in;
      if (to.w.p != nullptr) part.w.p += s * l.in * l.out;
      if (to.bias.p != nullptr) part.bias.p += s * l.out;
      segment_gradients(one, dz + first * l.out, part);
    });
  const RowTiles cut = row_tiles(l, tile_size(cuda::large_tiles(l.rows, l.in)));
  if (to.x.p != nullptr)
    cuda::with_tile(l.compute, cut.size, [&](auto tile) {
      using Tile = decltype(tile);
      const index col_tiles = ceil_div(l.in, Tile::kTile);
      cuda::launch(input_kernel<Tile>, cut.slots * col_tiles, kThreads, stream_, l, cut.tiles,
                   col_tiles, dz, to.x);
    });
  if (to.w.p != nullptr)
    cuda::with_tile(
        l.compute, tile_size(l.segments * cuda::large_tiles(l.in, l.out)), [&](auto tile) {
          using Tile = decltype(tile);
          const index rows = ceil_div(l.in, Tile::kTile), cols = ceil_div(l.out, Tile::kTile);
          cuda::launch(weight_kernel<Tile>, l.segments * rows * cols, kThreads, stream_, l, rows,
                       cols, dz, to.w);
        });
  if (to.bias.p != nullptr) grouped_column_sums(l, cut, dz, to.bias);
}

// Column sums of every tile, then sums over the tiles of a segment.
void CudaBackend::grouped_column_sums(const Linear& l, const RowTiles& cut, const real* dz,
                                      Into to) {
  const index cols = l.out, size = cut.size;
  const Storage scratch = allocate(static_cast<std::size_t>(cut.slots * cols) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());  // [slots, out]
  const Tiles tiles = cut.tiles;
  const i32* offset = l.offset;
  each_in_rows(stream_, cut.slots, cols, [=] __device__(index t, index c) {
    const index segment = tiles.segment[t];
    if (segment < 0) return;
    const index first = tiles.first[t], rest = offset[segment + 1] - first;
    const index end = first + (rest < size ? rest : size);
    double sum = 0;
#pragma unroll 16
    for (index r = first; r < end; ++r) sum += double(dz[r * cols + c]);
    partial[t * cols + c] = sum;
  });
  each_warp(stream_, l.segments * cols, [=] __device__(index at, int lane) {
    const index s = at / cols, begin = tiles.start[s];
    const double* of = partial + begin * cols + at % cols;
    const double sum = cuda::lanes_sum<double>(tiles.start[s + 1] - begin, lane,
                                               [=](index i) { return of[i * cols]; });
    if (lane == 0) put(to.p[at], to.acc, static_cast<real>(sum));
  });
}

}  // namespace moesim
