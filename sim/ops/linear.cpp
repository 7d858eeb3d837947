#include "sim/ops/linear.hpp"

#include "sim/backend/kernel_arguments.hpp"
#include "sim/core/error.hpp"

namespace moesim {
namespace {

struct Matrix {
  index rows, cols;  // of op(a)
};

Matrix oriented(index rows, index cols, bool transposed) {
  return transposed ? Matrix{cols, rows} : Matrix{rows, cols};
}

// C = op(A) op(B) for `batch` pairs of matrices.
//   Backward: dop(A) = dC op(B)ᵀ   dop(B) = op(A)ᵀ dC
Tensor multiply(const Tensor& a, const Tensor& b, Transposed t, index batch, index a_rows,
                index b_rows, Shape shape) {
  const index a_cols = a.cols(), b_cols = b.cols();
  const auto left = oriented(a_rows, a_cols, t.a), right = oriented(b_rows, b_cols, t.b);
  const index m = left.rows, k = left.cols, n = right.cols;
  if (k != right.rows)
    fail_in("matmul", a.shape().to_string() + (t.a ? "ᵀ" : "") + " times " + b.shape().to_string() +
                          (t.b ? "ᵀ" : ""));
  Tensor y = Tensor::empty(shape, a.backend());
  const index sizes[3] = {a_rows * a_cols, b_rows * b_cols, m * n};
  a.backend().product({.transpose_a = t.a,
                       .transpose_b = t.b,
                       .m = m,
                       .n = n,
                       .k = k,
                       .a = a.data(),
                       .lda = a_cols,
                       .b = b.data(),
                       .ldb = b_cols,
                       .c = y.data(),
                       .ldc = n,
                       .batch = batch,
                       .stride_a = sizes[0],
                       .stride_b = sizes[1],
                       .stride_c = sizes[2]});
  record(y, {a, b}, [=](const Tensor& dy) {
    Product p;
    p.batch = batch;
    if (const GradientSlot da = gradient_slot(a)) {
      p.c = da.p, p.acc = da.accumulate, p.ldc = a_cols, p.stride_c = sizes[0];
      const real* first = t.a ? b.data() : dy.data();
      const real* second = t.a ? dy.data() : b.data();
      if (t.a) {  // dA = op(B) dCᵀ  [k, m]
        p.m = k, p.n = m, p.k = n, p.transpose_a = t.b, p.transpose_b = true;
        p.lda = b_cols, p.ldb = n, p.stride_a = sizes[1], p.stride_b = sizes[2];
      } else {  // dA = dC op(B)ᵀ  [m, k]
        p.m = m, p.n = k, p.k = n, p.transpose_a = false, p.transpose_b = !t.b;
        p.lda = n, p.ldb = b_cols, p.stride_a = sizes[2], p.stride_b = sizes[1];
      }
      p.a = first, p.b = second;
      a.backend().product(p);
    }
    if (const GradientSlot db = gradient_slot(b)) {
      p.c = db.p, p.acc = db.accumulate, p.ldc = b_cols, p.stride_c = sizes[1];
      if (t.b) {  // dB = dCᵀ op(A)  [n, k]
        p.m = n, p.n = k, p.k = m, p.transpose_a = true, p.transpose_b = t.a;
        p.a = dy.data(), p.b = a.data(), p.lda = n, p.ldb = a_cols, p.stride_a = sizes[2],
        p.stride_b = sizes[0];
      } else {  // dB = op(A)ᵀ dC  [k, n]
        p.m = k, p.n = n, p.k = m, p.transpose_a = !t.a, p.transpose_b = false;
        p.a = a.data(), p.b = dy.data(), p.lda = a_cols, p.ldb = n, p.stride_a = sizes[0],
        p.stride_b = sizes[2];
      }
      b.backend().product(p);
    }
  });
  return y;
}

// y = act(x w + b) + r   dz = dy ⊙ act'(x w + b)
// dx = dz wᵀ   dw = xᵀ dz   db = Σ_rows dz   dr = dy
Tensor apply(const char* where, const Tensor& x, const Tensor& w, const Tensor& bias,
             const Segments& segments, Activation activation, Precision precision,
             const Tensor& mix, const Tensor& residual = {}) {
  const index banks = mix ? mix.cols() : segments.offset ? segments.pieces() : 1;
  Linear l{.rows = x.rows(),
           .in = x.cols(),
           .out = w.cols(),
           .segments = mix ? mix.rows() : banks,
           .offset = nullptr,
           .each = 0,
           .x = x.data(),
           .w = w.data(),
           .bias = bias ? bias.data() : nullptr,
           .experts = banks,
           .mix = mix ? mix.data() : nullptr,
           .residual = residual ? residual.data() : nullptr,
           .activation = activation,
           .compute = precision == Precision::compute ? x.backend().compute() : Compute::float32};
  if (segments.offset) l.offset = segments.offset.data(), l.each = segments.each;
  if (w.size() != banks * l.in * l.out || (w.shape().rank() == 3 && w.dim(1) != l.in))
    fail_in(where, "x " + x.shape().to_string() + " does not fit w " + w.shape().to_string() +
                       " of " + std::to_string(banks) + " experts");
  if (bias && bias.size() != banks * l.out)
    fail_in(where, "bias " + bias.shape().to_string() + " does not fit w " + w.shape().to_string());
  if (mix && segments.offset.size() != mix.rows() + 1)
    fail_in(where, "merge " + mix.shape().to_string() + " for " +
                       std::to_string(segments.offset.size()) + " offsets");
  if (residual && residual.size() != l.rows * l.out)
    fail_in(where, "residual " + residual.shape().to_string() + " for " + std::to_string(l.rows) +
                       " rows of " + std::to_string(l.out));
  Backend& backend = x.backend();
  const bool fit = l.each > 0          ? l.segments * l.each == l.rows
                   : backend.on_host() ? !l.offset || l.offset[l.segments] <= l.rows
                                       : true;  // the sizes are known on the device only
  if (!fit) fail_in(where, "the segments do not fit " + std::to_string(l.rows) + " rows");
  std::shared_ptr<const std::vector<std::int32_t>> host_offset;  // kept for the backward pass
  if (backend.wants_host_offsets(l)) {
    host_offset = std::make_shared<const std::vector<std::int32_t>>(segments.offset.to_host());
    l.host_offset = host_offset->data();
  }
  Tensor y = Tensor::empty({l.rows, l.out}, backend);
  const bool recorded = is_recorded({x, w, bias, mix, residual});
  Tensor slope;
  if (recorded && activation != Activation::none) slope = Tensor::empty(y.shape(), backend);
  backend.linear(l, slope ? slope.data() : nullptr, y.data());
  record(y, {x, w, bias, mix, residual},
         [=, &backend, offset = segments.offset, held = host_offset](const Tensor& dy) {
           if (residual) pass_gradient(residual, dy);
           const auto into = [](const Tensor& t) {
             const GradientSlot slot = gradient_slot(t);
             return Into{slot.p, slot.accumulate};
           };
           const Tensor dz = activation == Activation::none ? dy : writable(dy);
           backend.linear_backward(
               l, slope ? slope.data() : nullptr, dz.data(),
               {.x = into(x), .w = into(w), .bias = into(bias), .mix = into(mix)});
         });
  return y;
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b, Transposed t) {
  const index m = t.a ? a.cols() : a.rows(), n = t.b ? b.rows() : b.cols();
  return multiply(a, b, t, 1, a.rows(), b.rows(), {m, n});
}

Tensor batched_matmul(const Tensor& a, const Tensor& b, Transposed t) {
  if (a.shape().rank() != 3 || b.shape().rank() != 3 || a.dim(0) != b.dim(0))
    fail_in("batched_matmul", "needs [G, ., .] twice, got " + a.shape().to_string() + " and " +
                                  b.shape().to_string());
  const index m = t.a ? a.dim(2) : a.dim(1), n = t.b ? b.dim(1) : b.dim(2);
  return multiply(a, b, t, a.dim(0), a.dim(1), b.dim(1), {a.dim(0), m, n});
}

Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias, Activation activation,
              Precision precision, const Tensor& residual) {
  return apply("linear", x, w, bias, {}, activation, precision, {}, residual);
}

Tensor grouped_linear(const Tensor& x, const Tensor& w, const Tensor& bias,
                      const Segments& segments, Activation activation) {
  return apply("grouped_linear", x, w, bias, segments, activation, Precision::compute, {});
}

Tensor merged_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const Segments& segments,
                     const Tensor& merge, Activation activation) {
  return apply("merged_linear", x, w, bias, segments, activation, Precision::compute, merge);
}

}  // namespace moesim
