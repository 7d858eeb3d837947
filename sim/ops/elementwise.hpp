// Declares the elementwise ops. Without a suffix both tensors have the same size; _row, _column and
// _scalar broadcast the second over the first seen as a matrix [rows, cols]: b has cols, rows, or
// one value.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

Tensor relu(const Tensor& x);
Tensor gelu(const Tensor& x);  // x Φ(x), the exact form
Tensor silu(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor sigmoid(const Tensor& x);
Tensor exp(const Tensor& x);
Tensor log(const Tensor& x);
Tensor softplus(const Tensor& x);
Tensor square(const Tensor& x);
Tensor sqrt(const Tensor& x);
Tensor reciprocal(const Tensor& x);
Tensor normal_cdf(const Tensor& x);  // Φ(x)

Tensor add(const Tensor& a, const Tensor& b);
Tensor sub(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, const Tensor& b);
Tensor add_row(const Tensor& a, const Tensor& b);
Tensor mul_row(const Tensor& a, const Tensor& b);
Tensor add_column(const Tensor& a, const Tensor& b);
Tensor sub_column(const Tensor& a, const Tensor& b);
Tensor mul_column(const Tensor& a, const Tensor& b);
Tensor div_column(const Tensor& a, const Tensor& b);
Tensor mul_scalar(const Tensor& a, const Tensor& b);

// alpha · x + beta
Tensor affine(const Tensor& x, real alpha, real beta = 0);

// silu(a) ⊙ b (Shazeer 2020, "GLU variants improve transformer").
Tensor swiglu(const Tensor& a, const Tensor& b);

// x · keep / (1 - rate); rate 0 is the identity.
Tensor dropout(const Tensor& x, real rate, const Stream& stream);
// The same for rows with numbers: the draws of a row depend on key[row] and not on its position.
// Rows of negative key become 0. x [N, D], key [N].
Tensor dropout_rows(const Tensor& x, real rate, const Indices& key, const Stream& stream);

// x rounded to bfloat16; backward rounds the gradient.
Tensor round_bfloat16(const Tensor& x);

// The values of x as a constant: no gradient flows back.
Tensor stop_gradient(const Tensor& x);

}  // namespace moesim
