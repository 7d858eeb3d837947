#include "sim/ops/norm.hpp"

#include "sim/core/error.hpp"

namespace moesim {

Tensor normalize(NormKind kind, const Tensor& x, const Tensor& gamma, const Tensor& beta,
                 real epsilon) {
  const index rows = x.rows(), cols = x.cols();
  if ((gamma && gamma.size() != cols) || (beta && beta.size() != cols))
    fail_in("normalize", "gamma and beta need " + std::to_string(cols) + " values");
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  Tensor mean = Tensor::empty({rows}, backend), inverse = Tensor::empty({rows}, backend);
  backend.norm(kind, epsilon, x.data(), gamma ? gamma.data() : nullptr,
               beta ? beta.data() : nullptr, y.data(), mean.data(), inverse.data(), rows, cols);
  record(y, {x, gamma, beta}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x), dgamma = gradient_slot(gamma),
                       dbeta = gradient_slot(beta);
    backend.norm_backward(kind, x.data(), gamma ? gamma.data() : nullptr, mean.data(),
                          inverse.data(), dy.data(), dx.p, dx.accumulate, dgamma.p,
                          dgamma.accumulate, dbeta.p, dbeta.accumulate, rows, cols);
  });
  return y;
}

// dx = inverse ⊙ (dy - y Σ dy y)
Tensor unit_norm(const Tensor& x, Along along, real epsilon) {
  if (along.outer * along.n * along.inner != x.size())
    fail_in("unit_norm", "the axes do not make up " + x.shape().to_string());
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  Tensor inverse = Tensor::empty({along.outer, along.inner}, backend);
  backend.unit_norm(along, epsilon, x.data(), y.data(), inverse.data());
  record(y, {x}, [=, &backend, values = y.detach()](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.unit_norm_backward(along, values.data(), inverse.data(), dy.data(), dx.p,
                               dx.accumulate);
  });
  return y;
}

}  // namespace moesim
