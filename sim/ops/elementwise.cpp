#include "sim/ops/elementwise.hpp"

#include "sim/core/error.hpp"

namespace moesim {
namespace {

Tensor apply(Unary op, const Tensor& x) {
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  backend.unary(op, x.data(), y.data(), x.size());
  record(y, {x}, [=, &backend, values = y.detach()](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.unary_backward(op, x.data(), values.data(), dy.data(), dx.p, dx.accumulate, x.size());
  });
  return y;
}

const char* name_of(Binary op) {
  switch (op) {
    case Binary::add:
      return "add";
    case Binary::sub:
      return "sub";
    case Binary::mul:
      return "mul";
    case Binary::div:
      return "div";
  }
  return "binary";
}

index expected_size(Spread spread, const Tensor& a) {
  switch (spread) {
    case Spread::same:
      return a.size();
    case Spread::row:
      return a.cols();
    case Spread::column:
      return a.rows();
    case Spread::scalar:
      return 1;
  }
  return 0;
}

// Adds to b's gradient: `full` summed over the axes along which b was broadcast.
void reduce_into(const Tensor& b, Spread spread, const Tensor& full, index rows, index cols) {
  const GradientSlot db = gradient_slot(b);
  Backend& backend = b.backend();
  switch (spread) {
    case Spread::same:
      backend.scale(1, full.data(), db.p, db.accumulate, b.size());
      break;
    case Spread::row:
      backend.sum_rows(full.data(), db.p, db.accumulate, 1, rows, cols);
      break;
    case Spread::column:
      backend.sum_cols(full.data(), db.p, db.accumulate, rows, cols);
      break;
    case Spread::scalar:
      backend.sum_all(full.data(), db.p, db.accumulate, rows * cols);
      break;
  }
}

// add: da = dy, db = dy      mul: da = dy b, db = dy a
// sub: da = dy, db = -dy     div: da = dy / b, db = -dy y / b
Tensor apply(Binary op, Spread spread, const Tensor& a, const Tensor& b) {
  if (b.size() != expected_size(spread, a))
    fail_in(name_of(op),
            "b " + b.shape().to_string() + " cannot be broadcast to a " + a.shape().to_string());
  Backend& backend = a.backend();
  const index rows = a.rows(), cols = a.cols();
  Tensor y = Tensor::empty(a.shape(), backend);
  backend.binary(op, spread, a.data(), b.data(), y.data(), rows, cols);
  record(y, {a, b}, [=, &backend, values = y.detach()](const Tensor& dy) {
    const bool multiplies = op == Binary::mul || op == Binary::div;
    Tensor through = dy;  // the gradient of a
    if (multiplies) {
      through = Tensor::empty(a.shape(), backend);
      backend.binary(op, spread, dy.data(), b.data(), through.data(), rows, cols);
    }
    if (b.wants_gradient()) {
      if (!multiplies) {
        if (op == Binary::add && spread == Spread::same) {
          pass_gradient(b, dy);
        } else if (op == Binary::sub) {
          Tensor negative = Tensor::empty(a.shape(), backend);
          backend.scale(-1, dy.data(), negative.data(), false, dy.size());
          reduce_into(b, spread, negative, rows, cols);
        } else {
          reduce_into(b, spread, dy, rows, cols);
        }
      } else {
        Tensor product = Tensor::empty(a.shape(), backend);
        const Tensor& other = op == Binary::mul ? a : values;
        const Tensor& incoming = op == Binary::mul ? dy : through;
        backend.multiply(incoming.data(), other.data(), product.data(), false, dy.size());
        if (op == Binary::div) backend.scale(-1, product.data(), product.data(), false, dy.size());
        reduce_into(b, spread, product, rows, cols);
      }
    }
    pass_gradient(a, through);
  });
  return y;
}

}  // namespace

Tensor relu(const Tensor& x) { return apply(Unary::relu, x); }
Tensor gelu(const Tensor& x) { return apply(Unary::gelu, x); }
Tensor silu(const Tensor& x) { return apply(Unary::silu, x); }
Tensor tanh(const Tensor& x) { return apply(Unary::tanh, x); }
Tensor sigmoid(const Tensor& x) { return apply(Unary::sigmoid, x); }
Tensor exp(const Tensor& x) { return apply(Unary::exp, x); }
Tensor log(const Tensor& x) { return apply(Unary::log, x); }
Tensor softplus(const Tensor& x) { return apply(Unary::softplus, x); }
Tensor square(const Tensor& x) { return apply(Unary::square, x); }
Tensor sqrt(const Tensor& x) { return apply(Unary::sqrt, x); }
Tensor reciprocal(const Tensor& x) { return apply(Unary::reciprocal, x); }
Tensor normal_cdf(const Tensor& x) { return apply(Unary::normal_cdf, x); }

Tensor add(const Tensor& a, const Tensor& b) { return apply(Binary::add, Spread::same, a, b); }
Tensor sub(const Tensor& a, const Tensor& b) { return apply(Binary::sub, Spread::same, a, b); }
Tensor mul(const Tensor& a, const Tensor& b) { return apply(Binary::mul, Spread::same, a, b); }
Tensor div(const Tensor& a, const Tensor& b) { return apply(Binary::div, Spread::same, a, b); }
Tensor add_row(const Tensor& a, const Tensor& b) { return apply(Binary::add, Spread::row, a, b); }
Tensor mul_row(const Tensor& a, const Tensor& b) { return apply(Binary::mul, Spread::row, a, b); }
Tensor add_column(const Tensor& a, const Tensor& b) {
  return apply(Binary::add, Spread::column, a, b);
}
Tensor sub_column(const Tensor& a, const Tensor& b) {
  return apply(Binary::sub, Spread::column, a, b);
}
Tensor mul_column(const Tensor& a, const Tensor& b) {
  return apply(Binary::mul, Spread::column, a, b);
}
Tensor div_column(const Tensor& a, const Tensor& b) {
  return apply(Binary::div, Spread::column, a, b);
}
Tensor mul_scalar(const Tensor& a, const Tensor& b) {
  return apply(Binary::mul, Spread::scalar, a, b);
}

Tensor affine(const Tensor& x, real alpha, real beta) {
  Backend& backend = x.backend();
  Tensor y = Tensor::full(x.shape(), beta, backend);
  backend.axpy(alpha, x.data(), y.data(), x.size());
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.scale(alpha, dy.data(), dx.p, dx.accumulate, x.size());
  });
  return y;
}

Tensor swiglu(const Tensor& a, const Tensor& b) {
  if (a.size() != b.size())
    fail_in("swiglu", a.shape().to_string() + " and " + b.shape().to_string());
  Backend& backend = a.backend();
  Tensor y = Tensor::empty(a.shape(), backend);
  backend.swiglu(a.data(), b.data(), y.data(), a.size());
  record(y, {a, b}, [=, &backend](const Tensor& dy) {
    const GradientSlot da = gradient_slot(a), db = gradient_slot(b);
    backend.swiglu_backward(a.data(), b.data(), dy.data(), da.p, da.accumulate, db.p, db.accumulate,
                            a.size());
  });
  return y;
}

Tensor round_bfloat16(const Tensor& x) {
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  backend.round_bfloat16(x.data(), y.data(), false, x.size());
  // Rounding is a step function: replays hold its errors constant
  if (current_journal() != nullptr) return add(x, stop_gradient(sub(y, x.detach())));
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.round_bfloat16(dy.data(), dx.p, dx.accumulate, x.size());
  });
  return y;
}

Tensor dropout(const Tensor& x, real rate, const Stream& stream) {
  if (rate == 0) return x;
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  backend.dropout(stream, rate, x.data(), y.data(), false, x.size());
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.dropout(stream, rate, dy.data(), dx.p, dx.accumulate, x.size());
  });
  return y;
}

Tensor dropout_rows(const Tensor& x, real rate, const Indices& key, const Stream& stream) {
  if (key.size() != x.rows())
    fail_in("dropout_rows",
            std::to_string(key.size()) + " keys for rows of " + x.shape().to_string());
  if (rate == 0) return x;
  Backend& backend = x.backend();
  Tensor y = Tensor::empty(x.shape(), backend);
  backend.dropout_rows(stream, rate, key.data(), x.data(), y.data(), false, x.rows(), x.cols());
  record(y, {x}, [=, &backend](const Tensor& dy) {
    const GradientSlot dx = gradient_slot(x);
    backend.dropout_rows(stream, rate, key.data(), dy.data(), dx.p, dx.accumulate, x.rows(),
                         x.cols());
  });
  return y;
}

Tensor stop_gradient(const Tensor& x) { return journaled(x.detach()); }

}  // namespace moesim
