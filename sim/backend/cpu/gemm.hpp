// gemm() computes a matrix product on one thread, with the library chosen at build time
// (MOESIM_GEMM).
#pragma once

#include "sim/backend/cpu/bfloat16.hpp"
#include "sim/core/types.hpp"

namespace moesim::cpu {

// c = alpha · op(a) · op(b) + beta · c, row-major; op transposes. c is [m, n], the sum runs over k.
void gemm(bool transpose_a, bool transpose_b, index m, index n, index k, real alpha, const real* a,
          index lda, const real* b, index ldb, real beta, real* c, index ldc);

// The same with factors in bfloat16 and sums in float (alpha 1, beta 0 or 1). If provider or
// processor has no such product, the factors are converted to `real` and multiplied as above.
void gemm_bf16(bool transpose_a, bool transpose_b, index m, index n, index k, const bf16* a,
               index lda, const bf16* b, index ldb, bool acc, real* c, index ldc);
// True if the provider has such a product for this processor.
bool has_bf16();

}  // namespace moesim::cpu
