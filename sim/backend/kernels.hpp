// Defines the enums and argument structs of the kernels; structs that hold a `real` by value are only
// declared, because sources that are built once include this header. Arrays are row-major, in device memory.
#pragma once

#include "sim/backend/compute.hpp"
#include "sim/core/types.hpp"

#include <cstdint>

namespace moesim {

using i32 = std::int32_t;

enum class Activation { none, relu, gelu, silu, tanh, sigmoid };
enum class Unary {
  relu,
  gelu,
  silu,
  tanh,
  sigmoid,
  exp,
  log,
  softplus,
  square,
  sqrt,
  reciprocal,
  normal_cdf
};
enum class Binary { add, sub, mul, div };
enum class Spread {
  same,
  row,
  column,
  scalar
};  // how b is broadcast: not, one value per column, per row, one value
enum class NormKind { layer, rms };

// With a `real` by value (kernel_arguments.hpp).
struct AdamW;
struct AdamWTensor;
struct Attention;
struct Product;

// y = act(x · w[s] + bias[s]) + residual for the rows offset[s] .. offset[s+1] of each segment s;
// without offsets all rows are one segment. Padding rows behind the last segment get zeros in y,
// slope and dx. With a mix, segment s uses merged weights Σ_e mix[s, e] w[e], and the bias
// likewise.
struct Linear {
  index rows = 0, in = 0, out = 0, segments = 1;
  const i32* offset = nullptr;       // [segments + 1], on the device
  const i32* host_offset = nullptr;  // host copy, if wants_host_offsets; or null
  index each = 0;                    // rows per segment if all are equal, from row 0; or 0
  const real* x = nullptr;           // [rows, in]
  const real* w = nullptr;           // [segments, in, out]; [experts, in, out] with a mix
  const real* bias = nullptr;        // [segments, out] or null; [experts, out] with a mix
  index experts = 0;                 // with a mix
  const real* mix = nullptr;         // [segments, experts] or null
  const real* residual = nullptr;    // [rows, out] or null; not with a mix, and only in one segment
  Activation activation = Activation::none;
  Compute compute = Compute::float32;
};

// Into is the output of a sum: none (null), overwrite, or add.
struct Into {
  real* p = nullptr;
  bool acc = false;
};

struct LinearGradients {
  Into x = {}, w = {}, bias = {}, mix = {};
};

// Along is an array seen as [outer, n, inner]; the op runs along n.
struct Along {
  index outer = 0, n = 0, inner = 1;
};

// Fill assigns places at experts to choices [tokens, k] (expert numbers; -1: none).
enum class Order {
  choice,
  token,
  score
};  // all first choices first; token by token; all first choices first, best tokens first
struct Fill {
  index tokens = 0, k = 0, experts = 0, group = 0;  // `group` consecutive tokens share capacity
  const i32* choice = nullptr;
  index capacity = 0;  // rows per expert and group; 0: no limit
  Order order = Order::choice;
  const real* priority = nullptr;  // [tokens], for Order::score, descending
};

// IndexMap computes integers from integers, at every place (a, b, c) of a shape:
//   y[a, b, c] = scale · ⌊v / divide⌋ + base + add · (a, b, c),   v = x[from · (a, b, c)]
// -1 if v is negative. Without x, v is 0.
struct IndexMap {
  index shape[3] = {1, 1, 1}, from[3] = {0, 0, 0}, add[3] = {0, 0, 0};
  index scale = 1, divide = 1, base = 0;

  index size() const { return shape[0] * shape[1] * shape[2]; }
};

struct Values {
  const real* p = nullptr;
  index n = 0;
};

}  // namespace moesim
