// Least significant digit first. A pass counts the digits of every chunk, sums the counts digit by
// digit over the chunks, and moves each pair to the place that follows: stable, and the same
// always.
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/sort.hpp"

namespace moesim::cuda {
namespace {

constexpr int kDigits = 256;  // and pairs per chunk, one for each thread
static_assert(kDigits == kThreads);

__device__ int digit_of(Key key, int shift) { return int(key >> shift & (kDigits - 1)); }

// count[digit, chunk]
__global__ void count_kernel(const Key* keys, index n, int shift, int* count) {
  __shared__ int digits[kThreads];
  const int t = int(threadIdx.x);
  const index i = index(blockIdx.x) * kThreads + t;
  digits[t] = i < n ? digit_of(keys[i], shift) : -1;
  __syncthreads();
  int mine = 0;
  for (int j = 0; j < kThreads; ++j) mine += digits[j] == t ? 1 : 0;
  count[index(t) * gridDim.x + blockIdx.x] = mine;
}

// Exclusive sums in place, by one block.
__global__ void scan_kernel(int* count, index n) {
  __shared__ int sums[2 * kThreads];
  __shared__ int carry;
  const int t = int(threadIdx.x);
  if (t == 0) carry = 0;
  __syncthreads();
  for (index first = 0; first < n; first += kThreads) {
    const index i = first + t;
    const int value = i < n ? count[i] : 0;
    const int sum = block_scan(value, sums), before = carry;
    if (i < n) count[i] = before + sum - value;
    __syncthreads();
    if (t == kThreads - 1) carry = before + sum;
    __syncthreads();
  }
}

__global__ void move_kernel(const Key* keys, const i32* values, index n, int shift,
                            const int* start, Key* keys_out, i32* values_out) {
  __shared__ int digits[kThreads];
  const int t = int(threadIdx.x);
  const index i = index(blockIdx.x) * kThreads + t;
  digits[t] = i < n ? digit_of(keys[i], shift) : -1;
  __syncthreads();
  if (i >= n) return;
  int before = 0;
  for (int j = 0; j < t; ++j) before += digits[j] == digits[t] ? 1 : 0;
  const index to = start[index(digits[t]) * gridDim.x + blockIdx.x] + before;
  keys_out[to] = keys[i];
  values_out[to] = values[i];
}

}  // namespace

void stable_sort(Backend& backend, cudaStream_t stream, Key* keys, i32* values, index n, int bits) {
  const index chunks = ceil_div(n, kThreads);
  if (n < 2) return;
  const auto size = static_cast<std::size_t>(n);
  const Storage keys_block = backend.allocate(size * sizeof(Key));
  const Storage values_block = backend.allocate(size * sizeof(i32));
  const Storage count_block =
      backend.allocate(static_cast<std::size_t>(kDigits * chunks) * sizeof(int));
  auto* other_keys = static_cast<Key*>(keys_block.data());
  auto* other_values = static_cast<i32*>(values_block.data());
  auto* count = static_cast<int*>(count_block.data());
  for (int shift = 0; shift < bits; shift += 8) {
    launch(count_kernel, chunks, kThreads, stream, keys, n, shift, count);
    launch(scan_kernel, 1, kThreads, stream, count, kDigits * chunks);
    launch(move_kernel, chunks, kThreads, stream, keys, values, n, shift, count, other_keys,
           other_values);
    backend.copy(keys, other_keys, size * sizeof(Key));
    backend.copy(values, other_values, size * sizeof(i32));
  }
}

int bits_for(index most) {
  int bits = 0;
  while (bits < 63 && (most >> bits) > 0) ++bits;
  return bits;
}

void bucket_offsets(cudaStream_t stream, const Key* sorted, index n, index buckets, i32* offset) {
  each(stream, buckets + 1, [=] __device__(index b) {
    index low = 0, high = n;  // the first place whose key is b or more
    while (low < high) {
      const index middle = (low + high) / 2;
      if (sorted[middle] < static_cast<Key>(b))
        low = middle + 1;
      else
        high = middle;
    }
    offset[b] = static_cast<i32>(low);
  });
}

}  // namespace moesim::cuda
