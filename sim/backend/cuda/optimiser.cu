// Optimisers: one pass over parameters and their state, AdamW over those of many tensors at once.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/tensor_table.hpp"

#include <cmath>

namespace moesim {
namespace {

using cuda::kThreads;
using Table = cuda::TensorTable<AdamWTensor>;

// Loshchilov and Hutter (2019), with g = gradient_scale · gradient:
// m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²,
// p -= rate · (m / c1 / (sqrt(v / c2) + ε) + decay · p).
__global__ void adamw_kernel(AdamW a, Table table) {
  const Table::Piece piece = table.piece(blockIdx.x);
  const AdamWTensor& t = table.tensor[piece.tensor];
  const real by1 = 1 / a.correction1, by2 = 1 / a.correction2;
  for (index i = piece.first + threadIdx.x; i < piece.end; i += kThreads) {
    const real g = a.gradient_scale * t.gradient[i];
    const real m = a.beta1 * t.first[i] + (1 - a.beta1) * g;
    const real v = a.beta2 * t.second[i] + (1 - a.beta2) * g * g;
    t.first[i] = m;
    t.second[i] = v;
    const real step = m * by1 / (std::sqrt(v * by2) + a.epsilon);
    t.value[i] -= a.rate * (step + t.decay * t.value[i]);
  }
}

}  // namespace

void CudaBackend::adamw(const AdamW& a, const real* gradient, real* value, real* first,
                        real* second, index n) {
  adamw_of_all(a, {{gradient, value, first, second, n, a.decay}});
}

void CudaBackend::adamw_of_all(const AdamW& a, const std::vector<AdamWTensor>& tensors) {
  cuda::for_tables(tensors, [&](const Table& table, index) {
    cuda::launch(adamw_kernel, table.pieces(), kThreads, stream_, a, table);
  });
}

// g = gradient_scale · gradient + decay · p, u = momentum · u + g, p -= rate · u. Without momentum
// no velocity is kept.
void CudaBackend::sgd(real rate, real momentum, real decay, real gradient_scale,
                      const real* gradient, real* value, real* velocity, index n) {
  cuda::each(stream_, n, [=] __device__(index i) {
    real step = gradient_scale * gradient[i] + decay * value[i];
    if (momentum != 0) velocity[i] = step = momentum * velocity[i] + step;
    value[i] -= rate * step;
  });
}

}  // namespace moesim
