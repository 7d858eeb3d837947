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

// Rows in consecutive pieces: piece s is offset[s] .. offset[s+1], and meets weights of its own.
struct Segments {
  Indices offset;   // [pieces + 1]
  index rows = 0;   // offset[pieces], or more where reading that would synchronise with the device:
                    // padding rows follow the last piece
  Tensor mix = {};  // [pieces, E]; empty: piece s meets weight s
  index each = 0;   // rows of every piece where the host knows that they are equal, else 0
};

// Row r of piece s: act(x[r] · w[s] + bias[s]), or with a mix the merged weights Σ_e mix[s, e] w[e]
// and bias, which are made on the way and never kept. Factors are in the backend's compute type; so
// are merged weights, but not what they are merged from. x [N, in], w [E, in, out], bias [E, out]
// or empty. Rows of no piece get zeros. -> [N, out]
Tensor grouped_linear(const Tensor& x, const Tensor& w, const Tensor& bias,
                      const Segments& segments, Activation activation = Activation::none);

}  // namespace moesim
