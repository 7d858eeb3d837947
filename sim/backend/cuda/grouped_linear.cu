// Linear layers over rows sorted by segment, whose offsets are in device memory.
//
// The product of one expert is often too small to fill a card: 512 rows of width 128 by 512 are 16
// tiles of 128 x 128, for 132 multiprocessors. So one kernel computes all of them. A first kernel
// cuts the segments into tiles of rows, and each block reads its tile from that table. The grid has
// the largest possible number of tiles, rows / size + segments; blocks without a tile end at once.
// So a skewed load costs nothing, and the host does not wait for sizes.
//
// If every segment alone fills a third of the card, the host reads the offsets (which synchronises) and calls
// cuBLAS segment by segment: its kernels are tuned for the card, and a launch of 3 us is short for
// a product of 30 us.
#include "sim/backend/cuda/grouped_tiles.hpp"
#include "sim/backend/cuda/math.hpp"

#include <algorithm>

namespace moesim {

using cuda::ceil_div;
using cuda::kThreads;
using cuda::Tiles;

namespace {

// Inclusive sums over the threads of a block of kThreads; sums has room for two values per thread.
__device__ int block_scan(int value, int* sums) {
  const int t = int(threadIdx.x), n = int(blockDim.x);
  int from = 0;
  sums[t] = value;
  __syncthreads();
  for (int by = 1; by < n; by *= 2) {
    const int to = n - from;
    sums[to + t] = sums[from + t] + (t >= by ? sums[from + t - by] : 0);
    from = to;
    __syncthreads();
  }
  const int sum = sums[from + t];
  __syncthreads();
  return sum;
}

// One block counts, sums and writes the tiles of every segment.
__global__ void cut_kernel(const i32* offset, index segments, index slots, int size, Tiles to) {
  __shared__ int sums[2 * kThreads];
  __shared__ int carry;
  const int t = int(threadIdx.x);
  if (t == 0) carry = 0;
  __syncthreads();
  for (index base = 0; base < segments; base += kThreads) {
    const index s = base + t;
    const int begin = s < segments ? offset[s] : 0, end = s < segments ? offset[s + 1] : 0;
    const int count = (end - begin + size - 1) / size;
    const int sum = block_scan(count, sums), before = carry;
    const int at = before + sum - count;
    if (s < segments) to.start[s] = at;
    for (int i = 0; i < count; ++i) {
      to.segment[at + i] = static_cast<i32>(s);
      to.first[at + i] = begin + i * size;
    }
    __syncthreads();
    if (t == kThreads - 1) carry = before + sum;
    __syncthreads();
  }
  if (t == 0) to.start[segments] = carry;
  for (index i = carry + t; i < slots; i += kThreads) to.segment[i] = -1;
}

// y = act(x · w[s] + bias[s]); tile of a block: blockIdx.x = tile · column tiles + column tile.
template <class Tile>
__global__ void __launch_bounds__(kThreads, 2)
    forward_kernel(Linear l, Tiles tiles, index col_tiles, real* slope, real* y) {
  __shared__ typename Tile::Memory memory;
  const index tile = blockIdx.x / col_tiles, col = blockIdx.x % col_tiles * Tile::kTile;
  const index segment = tiles.segment[tile];
  if (segment < 0) return;
  const index first = tiles.first[tile], rows = l.offset[segment + 1] - first;
  const cuda::Side<true> x{l.x + first * l.in, l.in, rows};
  const cuda::Side<false> w{l.w + segment * l.in * l.out + col, l.out, l.out - col};
  const real* bias = l.bias != nullptr ? l.bias + segment * l.out + col : nullptr;
  const index at = first * l.out + col;
  const int n_rows = cuda::within(rows, Tile::kTile), cols = cuda::within(l.out - col, Tile::kTile);
  Tile::product(memory, x, w, l.in, [&](int r, int c, real sum) {
    if (r >= n_rows || c >= cols) return;
    const real z = bias != nullptr ? sum + bias[c] : sum;
    if (slope == nullptr || l.activation == Activation::none) {
      y[at + r * l.out + c] = cuda::activate(l.activation, z);
      return;
    }
    const cuda::Activated both = cuda::activated(l.activation, z);
    y[at + r * l.out + c] = both.value, slope[at + r * l.out + c] = both.slope;
  });
}

}  // namespace

// 128 x 128 if there are enough such tiles for all multiprocessors: they multiply fastest.
int CudaBackend::tile_size(index tiles_if_large) const {
  return tiles_if_large >= multiprocessors_ ? cuda::kLarge : cuda::kSmall;
}

// True if cuBLAS is faster. Our tiles reach a quarter to a third of its rate on a full card (H200,
// bfloat16), so large tiles for a third of the multiprocessors suffice. Uses the mean number of rows per segment, because the host does not know the actual
// ones.
bool CudaBackend::wants_host_offsets(const Linear& l) const {
  if (l.offset == nullptr || l.each != 0 || l.mix != nullptr || l.segments == 0) return false;
  const index mean = l.rows / l.segments;
  return 3 * std::min({cuda::large_tiles(mean, l.out), cuda::large_tiles(mean, l.in),
                       cuda::large_tiles(l.in, l.out)}) >=
         multiprocessors_;
}

CudaBackend::RowTiles CudaBackend::row_tiles(const Linear& l, int size) {
  RowTiles result;
  const index slots = result.slots = l.rows / size + l.segments;
  result.size = size;
  result.block = allocate(static_cast<std::size_t>(2 * slots + l.segments + 1) * sizeof(i32));
  auto* p = static_cast<i32*>(result.block.data());
  result.tiles = {p, p + slots, p + 2 * slots};
  cuda::launch(cut_kernel, 1, kThreads, stream_, l.offset, l.segments, slots, size, result.tiles);
  return result;
}

// Zeroes the rows behind all segments, which no product writes: of `x`, and of `also` if not null.
void CudaBackend::clear_tail(const Linear& l, index cols, real* x, real* also) {
  const i32* end = l.offset + l.segments;
  const index n = l.rows * cols,
              together = std::min(n, index(1) << 18);  // from the start of the tail
  cuda::each(stream_, together, [=] __device__(index i) {
    for (index at = *end * cols + i; at < n; at += together) {
      x[at] = 0;
      if (also != nullptr) also[at] = 0;
    }
  });
}

void CudaBackend::grouped_linear(const Linear& l, real* slope, real* y) {
  clear_tail(l, l.out, y, l.activation != Activation::none ? slope : nullptr);
  if (l.host_offset != nullptr)
    return cuda::for_segments(l, [&](const Linear& one, index first, index) {
      segment_linear(one, slope != nullptr ? slope + first * l.out : nullptr, y + first * l.out);
    });
  const RowTiles cut = row_tiles(l, tile_size(cuda::large_tiles(l.rows, l.out)));
  cuda::with_tile(l.compute, cut.size, [&](auto tile) {
    using Tile = decltype(tile);
    const index col_tiles = ceil_div(l.out, Tile::kTile);
    cuda::launch(forward_kernel<Tile>, cut.slots * col_tiles, kThreads, stream_, l, cut.tiles,
                 col_tiles, slope, y);
  });
}

}  // namespace moesim
