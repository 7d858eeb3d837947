#include "sim/ops/softmax.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/elementwise.hpp"

namespace moesim {

Tensor softmax(const Tensor& x, real scale) {
  return softmax(x, Along{x.rows(), x.cols(), 1}, scale);
}

// dx = scale · y ⊙ (dy - Σ dy y)
Tensor softmax(const Tensor& x, Along along, real scale) {
  if (along.outer * along.n * along.inner != x.size())
    fail_in("softmax", "the axes do not make up " + x.shape().to_string());
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  backend.softmax(along, scale, x.data(), y.data());
  record(y, {x}, [=, &backend, values = y.detach()](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.softmax_backward(along, scale, values.data(), dy.data(), dx.p, dx.accumulate);
  });
  return y;
}

// dx = dy · softmax(x)
Tensor log_sum_exp(const Tensor& x) {
  Backend& backend = x.backend();
  const index rows = x.rows(), cols = x.cols();
  Tensor y = Tensor::empty({rows}, backend);
  backend.log_sum_exp(x.data(), y.data(), rows, cols);
  record(y, {x}, [=, &backend](const Tensor& dy) {
    Tensor p = Tensor::empty(x.shape(), backend);
    backend.softmax({rows, cols, 1}, 1, x.data(), p.data());
    backend.binary(Binary::mul, Spread::column, p.data(), dy.data(), p.data(), rows, cols);
    const GradientSlot dx = gradient_slot(x);
    backend.scale(1, p.data(), dx.p, dx.accumulate, x.size());
  });
  return y;
}

}  // namespace moesim
