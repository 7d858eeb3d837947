// Linear layers over rows sorted by segment, whose offsets stand on the device and stay there.
//
// cuBLAS's grouped products want their sizes on the host; to ask the device for them would stop the
// stream at every layer. Here a kernel cuts the segments into tiles of 64 rows, others take a tile
// per block from that table. The grid is what the tiles can be at most, rows / 64 + segments;
// blocks without a tile end at once, so that a skewed load costs nothing.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/sort.hpp"
#include "sim/backend/cuda/tile_product.hpp"

namespace moesim {

using cuda::ceil_div;
using cuda::each_in_rows;
using cuda::kEach;
using cuda::kEdge;
using cuda::kThreads;
using cuda::kTile;
using cuda::put;

namespace {

// Tile t has the rows first[t] .. of segment[t], -1 for none. Those of segment s are start[s] ..
// start[s+1].
struct Tiles {
  i32 *segment, *first, *start;
};

// By one block: the tiles of every segment, counted, summed and written.
__global__ void cut_kernel(const i32* offset, index segments, index slots, Tiles to) {
  __shared__ int sums[2 * kThreads];
  __shared__ int carry;
  const int t = int(threadIdx.x);
  if (t == 0) carry = 0;
  __syncthreads();
  for (index base = 0; base < segments; base += kThreads) {
    const index s = base + t;
    const int begin = s < segments ? offset[s] : 0, end = s < segments ? offset[s + 1] : 0;
    const int count = (end - begin + kTile - 1) / kTile;
    const int sum = cuda::block_scan(count, sums), before = carry;
    const int at = before + sum - count;
    if (s < segments) to.start[s] = at;
    for (int i = 0; i < count; ++i) {
      to.segment[at + i] = static_cast<i32>(s);
      to.first[at + i] = begin + i * kTile;
    }
    __syncthreads();
    if (t == kThreads - 1) carry = before + sum;
    __syncthreads();
  }
  if (t == 0) to.start[segments] = carry;
  for (index i = carry + t; i < slots; i += kThreads) to.segment[i] = -1;
}

// y = act(x · w[s] + bias[s]); the block's tile: blockIdx.x = tile · column tiles + column tile.
__global__ void forward_kernel(Linear l, Tiles tiles, index col_tiles, real* slope, real* y) {
  __shared__ cuda::TileMemory memory;
  const index tile = blockIdx.x / col_tiles, col = blockIdx.x % col_tiles * kTile;
  const index segment = tiles.segment[tile];
  if (segment < 0) return;
  const index first = tiles.first[tile], rows = l.offset[segment + 1] - first;
  real sum[kEach][kEach];
  cuda::tile_product(memory, {l.x + first * l.in, l.in, rows, true},
                     {l.w + segment * l.in * l.out + col, l.out, l.out - col, false}, l.in,
                     l.compute == Compute::bfloat16, sum);
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) {
      const index r = cuda::tile_row() + kEdge * i, c = col + cuda::tile_col() + kEdge * j;
      if (r >= rows || c >= l.out) continue;
      const index at = (first + r) * l.out + c;
      const real z = l.bias != nullptr ? sum[i][j] + l.bias[segment * l.out + c] : sum[i][j];
      const real value = y[at] = cuda::activate(l.activation, z);
      if (slope != nullptr && l.activation != Activation::none)
        slope[at] = cuda::activation_slope(l.activation, z, value);
    }
}

// dx = dz · w[s]ᵀ, in tiles as above.
__global__ void input_kernel(Linear l, Tiles tiles, index col_tiles, const real* dz, Into dx) {
  __shared__ cuda::TileMemory memory;
  const index tile = blockIdx.x / col_tiles, col = blockIdx.x % col_tiles * kTile;
  const index segment = tiles.segment[tile];
  if (segment < 0) return;
  const index first = tiles.first[tile], rows = l.offset[segment + 1] - first;
  real sum[kEach][kEach];
  cuda::tile_product(memory, {dz + first * l.out, l.out, rows, true},
                     {l.w + (segment * l.in + col) * l.out, l.out, l.in - col, true}, l.out,
                     l.compute == Compute::bfloat16, sum);
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) {
      const index r = cuda::tile_row() + kEdge * i, c = col + cuda::tile_col() + kEdge * j;
      if (r < rows && c < l.in) put(dx.p[(first + r) * l.in + c], dx.acc, sum[i][j]);
    }
}

// dw[s] = xᵀ · dz over the rows of the segment; the block's tile of it: blockIdx.x = (segment · row
// tiles + row tile) · column tiles + column tile.
__global__ void weight_kernel(Linear l, index row_tiles, index col_tiles, const real* dz, Into dw) {
  __shared__ cuda::TileMemory memory;
  const index segment = blockIdx.x / col_tiles / row_tiles;
  const index row = blockIdx.x / col_tiles % row_tiles * kTile,
              col = blockIdx.x % col_tiles * kTile;
  const index first = l.offset[segment], rows = l.offset[segment + 1] - first;
  real sum[kEach][kEach];
  cuda::tile_product(memory, {l.x + first * l.in + row, l.in, l.in - row, false},
                     {dz + first * l.out + col, l.out, l.out - col, false}, rows,
                     l.compute == Compute::bfloat16, sum);
  for (int i = 0; i < kEach; ++i)
    for (int j = 0; j < kEach; ++j) {
      const index r = row + cuda::tile_row() + kEdge * i, c = col + cuda::tile_col() + kEdge * j;
      if (r < l.in && c < l.out) put(dw.p[(segment * l.in + r) * l.out + c], dw.acc, sum[i][j]);
    }
}

}  // namespace

struct CudaBackend::RowTiles {
  Storage block;
  index slots = 0;
  Tiles tiles{};
};

CudaBackend::RowTiles CudaBackend::row_tiles(const Linear& l) {
  RowTiles result;
  const index slots = result.slots = l.rows / kTile + l.segments;
  result.block = allocate(static_cast<std::size_t>(2 * slots + l.segments + 1) * sizeof(i32));
  auto* p = static_cast<i32*>(result.block.data());
  result.tiles = {p, p + slots, p + 2 * slots};
  cuda::launch(cut_kernel, 1, kThreads, stream_, l.offset, l.segments, slots, result.tiles);
  return result;
}

void CudaBackend::grouped_linear(const Linear& l, real* slope, real* y) {
  const RowTiles cut = row_tiles(l);
  const index col_tiles = ceil_div(l.out, kTile);
  cuda::launch(forward_kernel, cut.slots * col_tiles, kThreads, stream_, l, cut.tiles, col_tiles,
               slope, y);
}

void CudaBackend::grouped_gradients(const Linear& l, const real* dz, const LinearGradients& to) {
  const index in_tiles = ceil_div(l.in, kTile), out_tiles = ceil_div(l.out, kTile);
  const RowTiles cut = row_tiles(l);
  if (to.x.p)
    cuda::launch(input_kernel, cut.slots * in_tiles, kThreads, stream_, l, cut.tiles, in_tiles, dz,
                 to.x);
  if (to.w.p)
    cuda::launch(weight_kernel, l.segments * in_tiles * out_tiles, kThreads, stream_, l, in_tiles,
                 out_tiles, dz, to.w);
  if (!to.bias.p) return;
  // Column sums of every tile, then over the tiles of a segment.
  const index cols = l.out;
  const Storage scratch = allocate(static_cast<std::size_t>(cut.slots * cols) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());  // [slots, out]
  const Tiles tiles = cut.tiles;
  const i32* offset = l.offset;
  const Into bias = to.bias;
  each_in_rows(stream_, cut.slots, cols, [=] __device__(index t, index c) {
    const index segment = tiles.segment[t];
    if (segment < 0) return;
    const index first = tiles.first[t], rest = offset[segment + 1] - first;
    const index end = first + (rest < kTile ? rest : kTile);
    double sum = 0;
    for (index r = first; r < end; ++r) sum += double(dz[r * cols + c]);
    partial[t * cols + c] = sum;
  });
  each_in_rows(stream_, l.segments, cols, [=] __device__(index s, index c) {
    double sum = 0;
    for (index t = tiles.start[s]; t < tiles.start[s + 1]; ++t) sum += partial[t * cols + c];
    put(bias.p[s * cols + c], bias.acc, static_cast<real>(sum));
  });
}

}  // namespace moesim
