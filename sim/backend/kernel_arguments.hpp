// Defines the argument structs of the kernels that hold a `real` by value. Sources that are built once for both
// number types cannot include it.
#pragma once

#include "sim/backend/kernels.hpp"

namespace moesim {

// c = alpha · op(a) · op(b) + (acc ? c : 0), `batch` times with strides between the matrices. op is
// the transpose or the identity.
struct Product {
  bool transpose_a = false, transpose_b = false;
  index m = 0, n = 0, k = 0;
  real alpha = 1;
  const real* a = nullptr;
  index lda = 0;
  const real* b = nullptr;
  index ldb = 0;
  real* c = nullptr;
  index ldc = 0;
  bool acc = false;
  index batch = 1, stride_a = 0, stride_b = 0, stride_c = 0;
};

// q, k, v are slices of rows of `qkv` [batch·length, 3·heads·head_size]: q first, then k, then v.
struct Attention {
  index batch = 0, length = 0, heads = 0, head_size = 0;
  bool causal = true;
  real scale = 1;
  const real* qkv = nullptr;
  // Type of the factors of its products: q, k, v, dy and the softmax weights.
  Compute compute = Compute::float32;
};

struct AdamW {
  real rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, decay = 0;
  real correction1 = 1, correction2 = 1;  // 1 - beta^t
  real gradient_scale = 1;                // clipping, and 1 / accumulated micro-batches
};

// A parameter tensor with its gradient and moments, for an update by AdamW.
struct AdamWTensor {
  const real* gradient = nullptr;
  real *value = nullptr, *first = nullptr, *second = nullptr;
  index n = 0;
  real decay = 0;  // overrides that of AdamW
};

}  // namespace moesim
