// Sorting on the device: a stable radix sort of pairs, one digit of eight bits after the other.
//
// Written here rather than taken from CUB because it is short, builds in a moment, and is the same
// code wherever it runs.
#pragma once

#include "sim/backend/backend.hpp"

#include <bit>
#include <cstdint>
#include <cuda_runtime.h>

namespace moesim::cuda {

using Key = std::uint64_t;

// Sorts keys and values in place by the lowest `bits` bits of the keys, equals in their order.
void stable_sort(Backend& backend, cudaStream_t stream, Key* keys, i32* values, index n, int bits);

// Bits that hold 0 .. most.
int bits_for(index most);

// Where the sorted keys >= b begin, for b = 0 .. buckets: offset [buckets + 1].
void bucket_offsets(cudaStream_t stream, const Key* sorted, index n, index buckets, i32* offset);

// Inclusive sums over the threads of a block of kThreads; sums has room for two values per thread.
__device__ inline int block_scan(int value, int* sums) {
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

// A key whose order is that of falling values: larger first, NaN last, -0 as 0.
__device__ inline Key falling(float x) {
  if (x != x) return 0xffffffffu;
  const float value = x == 0 ? 0.0f : x;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  return ~((bits >> 31) != 0 ? ~bits : bits | 0x80000000u) & 0xffffffffu;
}
__device__ inline Key falling(double x) {
  if (x != x) return ~Key{0};
  const double value = x == 0 ? 0.0 : x;
  const auto bits = std::bit_cast<Key>(value);
  return ~((bits >> 63) != 0 ? ~bits : bits | Key{1} << 63);
}

}  // namespace moesim::cuda
