// Declares matrix products, linear layers, and linear layers over rows sorted by segment.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace moesim {

// Type of the factors. full: `real`; compute: run.compute of the backend.
enum class Precision { full, compute };

struct Transposed {
  bool a = false, b = false;
};

// op(a) · op(b) for a, b seen as matrices [rows, last]. -> [m, n]
Tensor matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

// op(a[g]) · op(b[g]) for every g: [G, m, k] · [G, k, n] -> [G, m, n]
Tensor batched_matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

// act(x · w + bias) + residual: x [.., in], w [in, out], bias [out] or empty, residual [rows, out]
// or empty. -> [rows, out]
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {},
              Activation activation = Activation::none, Precision precision = Precision::full,
              const Tensor& residual = {});

// Segments are consecutive pieces of rows: piece s is offset[s] .. offset[s+1].
struct Segments {
  Indices offset;  // [pieces + 1]
  index rows = 0;  // offset[pieces], or more where reading that would synchronise with the device:
                   // padding rows follow the last piece
  index each = 0;  // rows per piece if the host knows that all are equal, else 0

  index pieces() const { return offset.size() - 1; }
};

// act(x[r] · w[s] + bias[s]) for every row r of piece s; padding rows get zeros. Factors have the
// backend's compute type. x [N, in], w [E, in, out], bias [E, out] or empty. -> [N, out]
Tensor grouped_linear(const Tensor& x, const Tensor& w, const Tensor& bias,
                      const Segments& segments, Activation activation = Activation::none);

// grouped_linear with merged weights W[s] = Σ_e merge[s, e] w[e], and merged biases. They are
// computed in pieces and not stored, in the compute type; w and merge are in `real`. merge [pieces,
// E].
Tensor merged_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const Segments& segments,
                     const Tensor& merge, Activation activation = Activation::none);

}  // namespace moesim
