// Optimisers: one pass over a parameter and its state.
#include "sim/backend/cpu/cpu_backend.hpp"
#include "sim/backend/cpu/vector_inline.hpp"

#include <cmath>

namespace moesim {
namespace {

constexpr index kPiece = 16384;

}  // namespace

// Loshchilov and Hutter (2019), with g = gradient_scale · gradient:
// m = β1 m + (1 - β1) g, v = β2 v + (1 - β2) g²,
// p -= rate · (m / c1 / (sqrt(v / c2) + ε) + decay · p).
void CpuBackend::adamw(const AdamW& a, const real* gradient, real* value, real* first, real* second,
                       index n) {
  const real by1 = 1 / a.correction1, by2 = 1 / a.correction2;
  for_pieces(n, kPiece, [=](index begin, index end) {
    cpu::simd_loop(begin, end, [=](index i) {
      const real g = a.gradient_scale * gradient[i];
      const real m = a.beta1 * first[i] + (1 - a.beta1) * g;
      const real v = a.beta2 * second[i] + (1 - a.beta2) * g * g;
      first[i] = m;
      second[i] = v;
      const real step = m * by1 / (std::sqrt(v * by2) + a.epsilon);
      value[i] -= a.rate * (step + a.decay * value[i]);
    });
  });
}

// g = gradient_scale · gradient + decay · p, u = momentum · u + g, p -= rate · u. Without momentum
// no velocity is kept.
void CpuBackend::sgd(real rate, real momentum, real decay, real gradient_scale,
                     const real* gradient, real* value, real* velocity, index n) {
  for_pieces(n, kPiece, [=](index begin, index end) {
    if (momentum == 0)
      cpu::simd_loop(begin, end, [=](index i) {
        value[i] -= rate * (gradient_scale * gradient[i] + decay * value[i]);
      });
    else
      cpu::simd_loop(begin, end, [=](index i) {
        const real g = gradient_scale * gradient[i] + decay * value[i];
        velocity[i] = momentum * velocity[i] + g;
        value[i] -= rate * velocity[i];
      });
  });
}

}  // namespace moesim
