// Cross-entropy of a softmax against one class per row.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"
#include "sim/backend/cuda/row_math.hpp"
#include "sim/backend/cuda/transfer.hpp"

namespace moesim {

using cuda::each_warp;
using cuda::kWarp;

void CudaBackend::cross_entropy(const real* x, const i32* target, real* loss, real* lse, index rows,
                                index cols) {
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const real value = cuda::row_log_sum_exp(x + r * cols, cols, lane);
    if (lane != 0) return;
    lse[r] = value;
    loss[r] = target[r] < 0 ? real(0) : value - x[r * cols + target[r]];
  });
}

void CudaBackend::cross_entropy_backward(const real* x, const i32* target, const real* lse,
                                         real weight, const real* dy, real* dx, bool acc,
                                         index rows, index cols) {
  cuda::each_in_rows(stream_, rows, cols, [=] __device__(index r, index c) {
    const index i = r * cols + c;
    real value = 0;
    if (target[r] >= 0) {
      const real by = dy != nullptr ? weight * *dy : weight;
      value = by * std::exp(x[i] - lse[r]) - (c == target[r] ? by : real(0));
    }
    cuda::put(dx[i], acc, value);
  });
}

index CudaBackend::count_correct(const real* x, const i32* target, index rows, index cols) {
  const Storage scratch = allocate(sizeof(int));
  auto* count = static_cast<int*>(scratch.data());
  zero(count, sizeof(int));
  each_warp(stream_, rows, [=] __device__(index r, int lane) {
    const index wanted = target[r];
    if (wanted < 0) return;
    const real* row = x + r * cols;
    const real mine = row[wanted];
    // The first of equal values counts, as in top_k. NaN is never correct.
    int better = mine == mine ? 0 : 1;
    for (index c = lane; c < cols; c += kWarp)
      better += row[c] > mine || (row[c] == mine && c < wanted) ? 1 : 0;
    better = cuda::warp_sum(better);
    if (lane == 0 && better == 0) atomicAdd(count, 1);
  });
  return to_host_value<int>(count);
}

}  // namespace moesim
