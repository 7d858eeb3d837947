#include "sim/ops/attention.hpp"

#include "sim/backend/backend.hpp"
#include "sim/backend/kernel_arguments.hpp"
#include "sim/core/error.hpp"

#include <cmath>

namespace moesim {
namespace {

constexpr real kRotaryBase = 10000;

Attention kernel_shape(const char* where, const Tensor& qkv, AttentionShape s) {
  if (s.heads <= 0 || qkv.cols() % (3 * s.heads) != 0 || qkv.rows() != s.batch * s.length)
    fail_in(where, "qkv " + qkv.shape().to_string() + " does not hold " + std::to_string(s.batch) +
                       " sequences of " + std::to_string(s.length) + " with " +
                       std::to_string(s.heads) + " heads");
  const index head_size = qkv.cols() / (3 * s.heads);
  return {.batch = s.batch,
          .length = s.length,
          .heads = s.heads,
          .head_size = head_size,
          .causal = s.causal,
          .scale = real(1 / std::sqrt(static_cast<double>(head_size))),
          .qkv = qkv.data(),
          .compute = qkv.backend().compute()};
}

}  // namespace

Tensor attention(const Tensor& qkv, AttentionShape shape) {
  const Attention a = kernel_shape("attention", qkv, shape);
  Backend& backend = qkv.backend();
  Tensor y = Tensor::empty({qkv.rows(), qkv.cols() / 3}, backend);
  Tensor lse = Tensor::empty({qkv.rows(), shape.heads}, backend);
  backend.attention(a, y.data(), lse.data());
  record(y, {qkv}, [=, &backend, values = y.detach()](const Tensor& dy) {
    const GradientSlot slot = gradient_slot(qkv);
    if (!slot.accumulate) {
      backend.attention_backward(a, values.data(), lse.data(), dy.data(), slot.p);
      return;
    }
    Tensor part = Tensor::empty(qkv.shape(), backend);
    backend.attention_backward(a, values.data(), lse.data(), dy.data(), part.data());
    backend.axpy(1, part.data(), slot.p, part.size());
  });
  return y;
}

// Backward is a rotation by the negative angle.
Tensor rotary(const Tensor& qkv, AttentionShape shape) {
  const Attention a = kernel_shape("rotary", qkv, shape);
  if (a.head_size % 2 != 0) fail_in("rotary", "odd head size " + std::to_string(a.head_size));
  Backend& backend = qkv.backend();
  const std::size_t bytes = static_cast<std::size_t>(qkv.size()) * sizeof(real);
  Tensor y = Tensor::empty(qkv.shape(), backend);
  backend.copy(y.data(), qkv.data(), bytes);
  backend.rotary(a, kRotaryBase, 1, y.data());
  record(y, {qkv}, [=, &backend](const Tensor& dy) {
    const Tensor dx = writable(dy);
    backend.rotary(a, kRotaryBase, -1, dx.data());
    pass_gradient(qkv, dx);
  });
  return y;
}

}  // namespace moesim
