// Head, HeadPart and Pair are the units of work of the attention kernels.
//
// A block processes kRows queries or keys of a head and loops over tiles of kRows keys or queries.
// Rows of q, k, v and dy pass through shared memory kChunk values at a time, so head sizes have no
// limit.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/math.hpp"
#include "sim/backend/cuda/tile_side.hpp"
#include "sim/backend/kernel_arguments.hpp"

#include <cstdint>
#include <type_traits>

namespace moesim::cuda::attention {

constexpr int kSide = 16;
constexpr int kEach = sizeof(real) == 4 ? 4 : 2;  // as many as fit into 48 KB of shared memory
constexpr int kRows = kSide * kEach;
constexpr int kChunk = 32;
// Minimal number of blocks per multiprocessor for a group of this many chunks: the sums of wide
// heads need the registers of two blocks.
template <int kGroup>
constexpr int kBlocks = kGroup < 4 ? 2 : 1;

// One head of one sequence. Rows of q, k, v are `stride` apart, rows of y and dy `width`.
struct Head {
  __device__ Head(const Attention& a, index item)
      : d(int(a.head_size)),
        width(int(a.heads) * d),
        stride(3 * width),
        heads(int(a.heads)),
        row(item / heads * a.length),
        head(int(item % heads)) {}
  __device__ index q(index i) const { return (row + i) * stride + head * d; }
  __device__ index k(index i) const { return q(i) + width; }
  __device__ index v(index i) const { return q(i) + 2 * width; }
  __device__ index y(index i) const { return (row + i) * width + head * d; }
  __device__ index lse(index i) const { return (row + i) * heads + head; }

  int d, width, stride, heads;
  index row;
  int head;
};

// The part of a block: blockIdx.x = (head · tiles + tile) · groups + group. A group is the columns
// of kGroup chunks that the block writes.
template <int kGroup>
struct HeadPart {
  __device__ HeadPart(const Attention& a)
      : groups((a.head_size + kGroup * kChunk - 1) / (kGroup * kChunk)),
        tiles((a.length + kRows - 1) / kRows),
        head(blockIdx.x / groups / tiles),
        first(blockIdx.x / groups % tiles * kRows),
        column(int(blockIdx.x % groups) * kGroup * kChunk),
        rows(within(a.length - first, kRows)) {}
  index groups, tiles, head;
  index first;
  int column, rows;
};

struct Backward {
  Attention a;
  const real *lse, *delta;  // delta: Σ dy y of every query and head, like lse
  const real* dy;
  real* dqkv;
};

// A tile of queries and a tile of keys: their valid sizes, and the entries that the mask shows.
struct Pair {
  __device__ Pair(const Attention& a, index query, index key)
      : queries(within(a.length - query, kRows)),
        keys(within(a.length - key, kRows)),
        ahead(a.causal && query - key < kRows ? int(query - key) : kRows) {}
  // True if a query sees a key. Queries beyond the end see keys, which keeps their sums finite.
  __device__ bool seen(int query, int key) const { return key < keys && key <= query + ahead; }

  int queries, keys;
  int ahead;  // query i sees the keys up to i + ahead
};

// Calls put(row, column, four values) for kChunk columns from `column` on of `rows` rows, `stride`
// apart; zeros behind the rows and behind column d.
template <class Put>
__device__ inline void for_fours(const real* from, int stride, int rows, int column, int d,
                                 Put put) {
  constexpr int kAcross = kChunk / 4;
  from += column;
  const int cols = d - column < kChunk ? d - column : kChunk;
  const bool wide = reinterpret_cast<std::uintptr_t>(from) % alignof(Four) == 0 &&
                    stride * int(sizeof(real)) % int(alignof(Four)) == 0;
  // Issues all loads before the first use, so that their latencies overlap.
  constexpr int kFours = kRows * kAcross / kThreads;
  static_assert(kFours * kThreads == kRows * kAcross);
  Four four[kFours];
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int at = int(threadIdx.x) + i * kThreads, r = at / kAcross, c = at % kAcross * 4;
    const int rest = r < rows ? cols - c : 0;
    const real* p = from + index(r) * stride + c;
    if (wide && rest >= 4)
      four[i] = *reinterpret_cast<const Four*>(p);
    else
      for (int j = 0; j < 4; ++j) four[i].v[j] = j < rest ? p[j] : real(0);
  }
#pragma unroll
  for (int i = 0; i < kFours; ++i) {
    const int at = int(threadIdx.x) + i * kThreads;
    put(at / kAcross, at % kAcross * 4, four[i]);
  }
}

// Calls of(blocks, kGroup): a block writes up to 128 columns of a head; wider heads take several.
template <class F>
void for_group(const Attention& a, F of) {
  const index tiles = a.batch * a.heads * ceil_div(a.length, kRows);
  if (a.head_size <= kChunk)
    of(tiles, std::integral_constant<int, 1>());
  else if (a.head_size <= 2 * kChunk)
    of(tiles, std::integral_constant<int, 2>());
  else
    of(tiles * ceil_div(a.head_size, 4 * kChunk), std::integral_constant<int, 4>());
}

}  // namespace moesim::cuda::attention
