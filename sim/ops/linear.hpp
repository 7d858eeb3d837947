// Products: matmul, batched matmul, linear layers and linear layers over sorted rows.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

namespace moesim {

struct Transposed {
  bool a = false, b = false;
};

// op(a) · op(b) for a, b seen as matrices [rows, last]. -> [m, n]
Tensor matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

// The same for every g: [G, m, k] · [G, k, n] -> [G, m, n].
Tensor batched_matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

// act(x · w + bias): x [.., in], w [in, out], bias [out] or empty. -> [rows, out]
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {},
              Activation activation = Activation::none);

// Row r of segment e (offset[e] <= r < offset[e+1]): act(x[r] · w[e] + bias[e]).
// x [N, in], w [E, in, out], bias [E, out] or empty, offset E+1 entries. -> [N, out]
Tensor grouped_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const Indices& offset,
                      Activation activation = Activation::none);

}  // namespace moesim
