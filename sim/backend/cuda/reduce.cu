// Sums in double, in two passes: within pieces of fixed size, then over the pieces.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/tensor_table.hpp"
#include "sim/backend/cuda/transfer.hpp"

namespace moesim {

using cuda::ceil_div;
using cuda::each_in_rows;
using cuda::each_warp;
using cuda::kThreads;
using cuda::kWarp;
using cuda::put;
using cuda::TensorTable;

namespace {

constexpr index kPiece = 8192;  // values per block
constexpr index kRowsPerSum = 64;

// Sums the values of a block's threads in a tree of fixed shape; thread 0 gets the sum.
__device__ double block_sum(double value, double* warps) {
  value = cuda::warp_sum(value);
  const int warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  if (lane == 0) warps[warp] = value;
  __syncthreads();
  return cuda::warp_sum(lane < kThreads / kWarp ? warps[lane] : 0.0);
}

// partial[block] = Σ x over a piece
__global__ void piece_kernel(const real* x, double* partial, index n) {
  __shared__ double warps[kThreads / kWarp];
  const index first = index(blockIdx.x) * kPiece;
  const index end = first + kPiece < n ? first + kPiece : n;
  double sum = 0;
  for (index i = first + threadIdx.x; i < end; i += kThreads) sum += double(x[i]);
  sum = block_sum(sum, warps);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// partial[before + block] = Σ x² over a piece of one of the tensors.
__global__ void square_kernel(TensorTable<Values> table, index before, double* partial) {
  __shared__ double warps[kThreads / kWarp];
  const auto piece = table.piece(blockIdx.x);
  const real* x = table.tensor[piece.tensor].p;
  double sum = 0;
  for (index i = piece.first + threadIdx.x; i < piece.end; i += kThreads)
    sum += double(x[i]) * double(x[i]);
  sum = block_sum(sum, warps);
  if (threadIdx.x == 0) partial[before + blockIdx.x] = sum;
}

// One block sums the pieces, into `total` or y.
__global__ void total_kernel(const double* partial, index pieces, double* total, real* y,
                             bool acc) {
  __shared__ double warps[kThreads / kWarp];
  double sum = 0;
  for (index i = threadIdx.x; i < pieces; i += kThreads) sum += partial[i];
  sum = block_sum(sum, warps);
  if (threadIdx.x != 0) return;
  if (total != nullptr) *total = sum;
  if (y != nullptr) *y = static_cast<real>(acc ? double(*y) + sum : sum);
}

}  // namespace

void CudaBackend::sum_rows(const real* x, real* y, bool acc, index groups, index rows, index cols) {
  if (groups * cols == 0) return;
  const index pieces = std::max<index>(1, ceil_div(rows, kRowsPerSum));
  const Storage scratch =
      allocate(static_cast<std::size_t>(groups * pieces * cols) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());  // [groups, pieces, cols]
  each_in_rows(stream_, groups * pieces, cols, [=] __device__(index i, index c) {
    const index group = i / pieces, first = i % pieces * kRowsPerSum;
    const index end = first + kRowsPerSum < rows ? first + kRowsPerSum : rows;
    double sum = 0;
#pragma unroll 16
    for (index r = first; r < end; ++r) sum += double(x[(group * rows + r) * cols + c]);
    partial[i * cols + c] = sum;
  });
  each_warp(stream_, groups * cols, [=] __device__(index at, int lane) {
    const double* of = partial + at / cols * pieces * cols + at % cols;
    const double sum = cuda::lanes_sum<double>(pieces, lane, [=](index i) { return of[i * cols]; });
    if (lane == 0) put(y[at], acc, static_cast<real>(sum));
  });
}

void CudaBackend::sum_cols(const real* x, real* y, bool acc, index rows, index cols) {
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real* row = x + r * cols;
    const double sum = cuda::lanes_sum<double>(cols, lane, [=](index c) { return double(row[c]); });
    if (lane == 0) y[r] = static_cast<real>(acc ? double(y[r]) + sum : sum);
  });
}

void CudaBackend::dot_cols(const real* a, const real* b, real* y, bool acc, index rows,
                           index cols) {
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real *u = a + r * cols, *v = b + r * cols;
    const double sum =
        cuda::lanes_sum<double>(cols, lane, [=](index c) { return double(u[c]) * double(v[c]); });
    if (lane == 0) y[r] = static_cast<real>(acc ? double(y[r]) + sum : sum);
  });
}

void CudaBackend::sum_all(const real* x, real* y, bool acc, index n) {
  const index pieces = ceil_div(n, kPiece);
  const Storage scratch = allocate(static_cast<std::size_t>(pieces + 1) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  cuda::launch(piece_kernel, pieces, kThreads, stream_, x, partial, n);
  cuda::launch(total_kernel, 1, kThreads, stream_, partial, pieces, nullptr, y, acc);
}

double CudaBackend::squared_norm(const real* x, index n) { return squared_norm_of_all({{x, n}}); }

double CudaBackend::squared_norm_of_all(const std::vector<Values>& arrays) {
  index pieces = 0;
  for (const Values& values : arrays) pieces += ceil_div(values.n, TensorTable<Values>::kPiece);
  const Storage scratch = allocate(static_cast<std::size_t>(pieces + 1) * sizeof(double));
  auto* partial = static_cast<double*>(scratch.data());
  double* total = partial + pieces;
  cuda::for_tables(arrays, [&](const TensorTable<Values>& table, index before) {
    cuda::launch(square_kernel, table.pieces(), kThreads, stream_, table, before, partial);
  });
  cuda::launch(total_kernel, 1, kThreads, stream_, partial, pieces, total, nullptr, false);
  return to_host_value<double>(total);
}

bool CudaBackend::all_finite(const real* x, index n) {
  const Storage scratch = allocate(sizeof(int));
  auto* count = static_cast<int*>(scratch.data());
  zero(count, sizeof(int));
  cuda::each(stream_, n, [=] __device__(index i) {
    // v - v is 0 for finite v, else NaN.
    if (x[i] - x[i] != 0) atomicAdd(count, 1);
  });
  return to_host_value<int>(count) == 0;
}

}  // namespace moesim
