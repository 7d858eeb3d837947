#include "sim/ops/reduce.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/elementwise.hpp"

namespace moesim {

// dx = dy, broadcast
Tensor sum(const Tensor& x) {
  Backend& backend = x.backend();
  Tensor y = Tensor::empty({1}, backend);
  backend.sum_all(x.data(), y.data(), false, x.size());
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    if (!dx.accumulate) backend.zero(dx.p, static_cast<std::size_t>(x.size()) * sizeof(real));
    backend.binary(Binary::add, Spread::scalar, dx.p, dy.data(), dx.p, 1, x.size());
  });
  return y;
}

Tensor mean(const Tensor& x) { return affine(sum(x), real{1} / static_cast<real>(x.size())); }

Tensor sum_rows(const Tensor& x, index groups) {
  if (groups <= 0 || x.rows() % groups != 0)
    fail_in("sum_rows",
            std::to_string(groups) + " groups do not divide the rows of " + x.shape().to_string());
  Backend& backend = x.backend();
  const index rows = x.rows() / groups, cols = x.cols();
  Tensor y = Tensor::empty({groups, cols}, backend);
  backend.sum_rows(x.data(), y.data(), false, groups, rows, cols);
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    if (!dx.accumulate) backend.zero(dx.p, static_cast<std::size_t>(x.size()) * sizeof(real));
    for (index g = 0; g < groups; ++g) {
      real* part = dx.p + g * rows * cols;
      backend.binary(Binary::add, Spread::row, part, dy.data() + g * cols, part, rows, cols);
    }
  });
  return y;
}

Tensor mean_rows(const Tensor& x, index groups) {
  return affine(sum_rows(x, groups), static_cast<real>(groups) / static_cast<real>(x.rows()));
}

Tensor sum_cols(const Tensor& x) {
  Backend& backend = x.backend();
  const index rows = x.rows(), cols = x.cols();
  Tensor y = Tensor::empty({rows}, backend);
  backend.sum_cols(x.data(), y.data(), false, rows, cols);
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    if (!dx.accumulate) backend.zero(dx.p, static_cast<std::size_t>(x.size()) * sizeof(real));
    backend.binary(Binary::add, Spread::column, dx.p, dy.data(), dx.p, rows, cols);
  });
  return y;
}

// da = dy b, db = dy a, row by row
Tensor dot_cols(const Tensor& a, const Tensor& b) {
  if (a.size() != b.size() || a.cols() != b.cols())
    fail_in("dot_cols", a.shape().to_string() + " and " + b.shape().to_string());
  return sum_cols(mul(a, b));
}

}  // namespace moesim
