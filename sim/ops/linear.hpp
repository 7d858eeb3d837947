// Products: matmul, batched matmul, linear layers and linear layers over sorted rows.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/core/tape.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace moesim {

// full: factors as they are; compute: in the type that the backend computes with (run.compute).
enum class Precision { full, compute };

struct Transposed {
  bool a = false, b = false;
};

// op(a) · op(b) for a, b seen as matrices [rows, last]. -> [m, n]
Tensor matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

// The same for every g: [G, m, k] · [G, k, n] -> [G, m, n].
Tensor batched_matmul(const Tensor& a, const Tensor& b, Transposed transposed = {});

// act(x · w + bias) + residual: x [.., in], w [in, out], bias [out] or empty, residual [rows, out]
// or empty. -> [rows, out]
Tensor linear(const Tensor& x, const Tensor& w, const Tensor& bias = {},
              Activation activation = Activation::none, Precision precision = Precision::full,
              const Tensor& residual = {});

// Rows in consecutive pieces: piece s is offset[s] .. offset[s+1].
struct Segments {
  Indices offset;  // [pieces + 1]
  index rows = 0;  // offset[pieces], or more where reading that would synchronise with the device:
                   // padding rows follow the last piece
  index each = 0;  // rows of every piece where the host knows that they are equal, else 0

  index pieces() const { return offset.size() - 1; }
};

// Row r of piece s: act(x[r] · w[s] + bias[s]). Factors are in the backend's compute type.
// x [N, in], w [E, in, out], bias [E, out] or empty. Padding rows get zeros. -> [N, out]
Tensor grouped_linear(const Tensor& x, const Tensor& w, const Tensor& bias,
                      const Segments& segments, Activation activation = Activation::none);

// The same with merged weights W[s] = Σ_e merge[s, e] w[e], and biases alike, which are made on the
// way and never kept. Merged weights are in the compute type, what they are merged from is not.
// merge [pieces, E].
Tensor merged_linear(const Tensor& x, const Tensor& w, const Tensor& bias, const Segments& segments,
                     const Tensor& merge, Activation activation = Activation::none);

}  // namespace moesim
