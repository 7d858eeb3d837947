// Optimisers: one pass over a parameter and its state.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <cmath>

namespace moesim {

// Loshchilov and Hutter (2019), with g = gradient_scale · gradient:
// m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²,
// p -= rate · (m / c1 / (sqrt(v / c2) + ε) + decay · p).
void CudaBackend::adamw(const AdamW& a, const real* gradient, real* value, real* first,
                        real* second, index n) {
  const real by1 = 1 / a.correction1, by2 = 1 / a.correction2;
  const AdamW by = a;
  cuda::each(stream_, n, [=] __device__(index i) {
    const real g = by.gradient_scale * gradient[i];
    const real m = by.beta1 * first[i] + (1 - by.beta1) * g;
    const real v = by.beta2 * second[i] + (1 - by.beta2) * g * g;
    first[i] = m;
    second[i] = v;
    const real step = m * by1 / (std::sqrt(v * by2) + by.epsilon);
    value[i] -= by.rate * (step + by.decay * value[i]);
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
