// Side and Carried load the factors of a tile's product from device memory through registers to
// shared memory: while a block multiplies one piece of the sum, it loads the next.
#pragma once

#include "sim/backend/cuda/launch.hpp"

#include <cstdint>

namespace moesim::cuda {

// A factor with element (i, p), i along the tile and p along the sum, at i · ld + p if `along`,
// else at p · ld + i. n: number of i.
template <bool along_>
struct Side {
  static constexpr bool along = along_;
  const real* p;
  index ld, n;
};

// The part of n that lies in a tile.
__device__ inline int within(index n, int size) { return n < size ? int(n) : size; }

// Four adjacent values: one or two loads of 16 bytes.
struct alignas(16) Four {
  real v[4];
};

// The thread's part of size x depth elements of a factor, in groups of four adjacent ones.
template <bool along, int size, int depth>
class Carried {
  static constexpr int kInner = (along ? depth : size) / 4;  // groups of four in a row
  static constexpr int kApart = kThreads / kInner;           // rows between a thread's groups

 public:
  static constexpr int kFours = size * depth / 4 / kThreads;
  static_assert(kFours * 4 * kThreads == size * depth && kThreads % kInner == 0);

  __device__ explicit Carried(const Side<along>& s)
      : from_(s.p + outer() * s.ld + inner()),
        ld_(s.ld),
        n_(within(s.n, size)),
        wide_(reinterpret_cast<std::uintptr_t>(s.p) % alignof(Four) == 0 &&
              s.ld * index(sizeof(real)) % index(alignof(Four)) == 0) {}

  // The place (i, p) of group f, whose values continue along p if `along`, else along i.
  __device__ static int i_of(int f) { return along ? outer() + f * kApart : inner(); }
  __device__ static int p_of(int f) { return along ? inner() : outer() + f * kApart; }

  // Loads the next piece, of which `left` values of the sum exist; zeros behind them, and behind n.
  __device__ void load(int left) {
#pragma unroll
    for (int f = 0; f < kFours; ++f) {
      const int rest =
          along ? (i_of(f) < n_ ? left - p_of(f) : 0) : (p_of(f) < left ? n_ - i_of(f) : 0);
      const real* at = from_ + f * kApart * ld_;
      if (wide_ && rest >= 4)
        fours[f] = *reinterpret_cast<const Four*>(at);
      else
        for (int j = 0; j < 4; ++j) fours[f].v[j] = j < rest ? at[j] : real(0);
    }
    from_ += along ? depth : depth * ld_;
  }

  Four fours[kFours];

 private:
  __device__ static int outer() { return int(threadIdx.x) / kInner; }
  __device__ static int inner() { return int(threadIdx.x) % kInner * 4; }

  const real* from_;
  index ld_;
  int n_;
  bool wide_;  // 16 bytes can be loaded at once
};

// Sums over k by pieces of `depth`. put_a and put_b(buffer, part) write the loaded part to shared
// memory, multiply(buffer, half) uses one half of it. a's part of the next piece is loaded during
// the first half, b's during the second, so that registers hold one of them. One barrier per piece:
// a buffer is written after all threads have left the previous one.
template <int size, int depth, bool along_a, bool along_b, class PutA, class PutB, class Multiply>
__device__ inline void for_pieces(const Side<along_a>& a, const Side<along_b>& b, index k,
                                  PutA put_a, PutB put_b, Multiply multiply) {
  Carried<along_a, size, depth> part_a(a);
  Carried<along_b, size, depth> part_b(b);
  const auto left = [&] { return within(k, depth); };
  part_a.load(left());
  put_a(0, part_a);
  part_b.load(left());
  put_b(0, part_b);
  __syncthreads();
  for (int buffer = 0;; buffer = 1 - buffer) {
    k -= depth;
    const bool more = k > 0;
    if (more) part_a.load(left());
    multiply(buffer, 0);
    if (more) {
      put_a(1 - buffer, part_a);
      part_b.load(left());
    }
    multiply(buffer, 1);
    if (!more) return;
    put_b(1 - buffer, part_b);
    __syncthreads();
  }
}

}  // namespace moesim::cuda
