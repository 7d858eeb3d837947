// Launches kernels and checks CUDA's return codes.
//
// Kernels are launched by a function, not by <<<>>>, so that a C++ compiler can compile these
// sources: tests run them under an emulation of CUDA on the CPU (tests/cuda/emulation).
#pragma once

#include "sim/backend/cuda/queue.hpp"
#include "sim/core/error.hpp"
#include "sim/core/types.hpp"

#include <algorithm>
#include <cuda_runtime.h>
#include <string>
#include <type_traits>

namespace moesim::cuda {

inline void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // clears the error, or the next check reports it again
  fail(Exit::internal, std::string("CUDA: ") + what + ": " + cudaGetErrorString(status));
}

constexpr index ceil_div(index n, index d) { return (n + d - 1) / d; }

constexpr int kThreads = 256;

// Launches kernel(args...) on `blocks` blocks; nothing for 0 blocks.
template <class... P>
void launch(void (*kernel)(P...), index blocks, dim3 threads, const Queue& queue,
            std::type_identity_t<P>... args) {
  if (blocks <= 0) return;
  cudaLaunchConfig_t config{};
  config.gridDim = dim3(static_cast<unsigned>(blocks));
  config.blockDim = threads;
  config.stream = queue;
  if (queue.trace != nullptr)
    queue.trace->add(reinterpret_cast<void*>(kernel), blocks, threads.x, threads.y, args...);
  check(cudaLaunchKernelEx(&config, kernel, args...), "launch");
}

template <class F>
__global__ void each_kernel(index n, F f) {
  const index step = index(gridDim.x) * blockDim.x;
  for (index i = index(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += step) f(i);
}

// f(i) for 0 <= i < n, one thread each.
template <class F>
void each(const Queue& queue, index n, F f) {
  constexpr index kMostBlocks = 1 << 16;
  launch(each_kernel<F>, std::min(ceil_div(n, kThreads), kMostBlocks), kThreads, queue, n, f);
}

// `wide` adjacent blocks cover the columns.
template <class F>
__global__ void each_in_rows_kernel(index rows, index cols, unsigned wide, F f) {
  const index c = index(blockIdx.x % wide) * blockDim.x + threadIdx.x;
  const index step = index(gridDim.x / wide) * blockDim.y;
  for (index r = index(blockIdx.x / wide) * blockDim.y + threadIdx.y; r < rows; r += step)
    if (c < cols) f(r, c);
}

// f(r, c) for every place of a matrix. Threads are along the columns, so no division is needed.
template <class F>
void each_in_rows(const Queue& queue, index rows, index cols, F f) {
  if (cols <= 0) return;
  unsigned across = 1;
  while (across < kThreads && across < cols) across *= 2;
  const unsigned down = kThreads / across;
  const index wide = ceil_div(cols, across);
  constexpr index kMostBlocks = 1 << 16;
  const index deep = std::min(ceil_div(rows, down), std::max<index>(1, kMostBlocks / wide));
  launch(each_in_rows_kernel<F>, deep * wide, dim3(across, down), queue, rows, cols,
         static_cast<unsigned>(wide), f);
}

constexpr int kWarp = 32;

template <class F>
__global__ void each_warp_kernel(index n, F f) {
  const index i = index(blockIdx.x) * blockDim.y + threadIdx.y;
  if (i < n) f(i, int(threadIdx.x));
}

// f(i, lane) for 0 <= i < n, one warp each, whose lanes share row i.
template <class F>
void each_warp(const Queue& queue, index n, F f) {
  constexpr unsigned kWarps = 8;
  launch(each_warp_kernel<F>, ceil_div(n, kWarps), dim3(kWarp, kWarps), queue, n, f);
}

// Reduces over the lanes of a warp, pairwise, in a fixed order; every lane gets the result.
template <class T>
__device__ inline T warp_sum(T value) {
  for (int by = kWarp / 2; by > 0; by /= 2) value += __shfl_xor_sync(~0u, value, by);
  return value;
}
template <class T>
__device__ inline T warp_max(T value) {
  for (int by = kWarp / 2; by > 0; by /= 2) {
    const T other = __shfl_xor_sync(~0u, value, by);
    value = other > value ? other : value;
  }
  return value;
}

// Σ f(i) over 0 <= i < n by the lanes of a warp.
template <class T, class F>
__device__ inline T lanes_sum(index n, int lane, F f) {
  T sum = 0;
  for (index i = lane; i < n; i += kWarp) sum += f(i);
  return warp_sum(sum);
}

// y = value, or y += value.
template <class T>
__device__ inline void put(T& y, bool acc, T value) {
  y = acc ? y + value : value;
}

}  // namespace moesim::cuda
