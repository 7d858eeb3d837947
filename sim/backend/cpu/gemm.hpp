// One single-threaded matrix product, from the provider chosen at build time (MOESIM_GEMM).
#pragma once

#include "sim/core/types.hpp"

namespace moesim::cpu {

// c = alpha · op(a) · op(b) + beta · c, row-major; op transposes. c is [m, n], the sum runs over k.
void gemm(bool transpose_a, bool transpose_b, index m, index n, index k, real alpha, const real* a,
          index lda, const real* b, index ldb, real beta, real* c, index ldc);

}  // namespace moesim::cpu
