// Batched matrix products, by cuBLAS.
#include "sim/backend/cuda/cuda_backend.hpp"
#include "sim/backend/cuda/launch.hpp"

#include <string>
#include <type_traits>

namespace moesim {
namespace {

constexpr bool kFloatProducts = std::is_same_v<real, float>;

}  // namespace

// cuBLAS is column-major, so it computes cᵀ = op(b)ᵀ op(a)ᵀ. In bfloat16 the factors of p are
// arrays of 16 bits, multiplied with float sums.
void CudaBackend::multiply_matrices(const Product& p, Compute compute) {
  if (p.m == 0 || p.n == 0 || p.batch == 0) return;
  if (p.k == 0) {  // providers disagree on empty sums
    if (p.acc) return;
    const Product to = p;
    cuda::each_in_rows(stream_, p.batch * p.m, p.n, [=] __device__(index r, index c) {
      to.c[r / to.m * to.stride_c + r % to.m * to.ldc + c] = 0;
    });
    return;
  }
  const real alpha = p.alpha, beta = p.acc ? 1 : 0;
  const cudaDataType result = kFloatProducts ? CUDA_R_32F : CUDA_R_64F;
  const cudaDataType factor = kFloatProducts && compute == Compute::bfloat16 ? CUDA_R_16BF : result;
  const cublasComputeType_t type = !kFloatProducts                    ? CUBLAS_COMPUTE_64F
                                   : compute == Compute::tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32
                                                              : CUBLAS_COMPUTE_32F;
  if (stream_.trace != nullptr)
    stream_.trace->add(p.transpose_a, p.transpose_b, p.m, p.n, p.k, alpha, beta, p.a, p.lda, p.b,
                       p.ldb, p.c, p.ldc, p.batch, p.stride_a, p.stride_b, p.stride_c, type);
  const cublasStatus_t status = cublasGemmStridedBatchedEx_64(
      blas_, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N,
      p.n, p.m, p.k, &alpha, p.b, factor, p.ldb, p.stride_b, p.a, factor, p.lda, p.stride_a, &beta,
      p.c, result, p.ldc, p.stride_c, p.batch, type, CUBLAS_GEMM_DEFAULT);
  if (status != CUBLAS_STATUS_SUCCESS)
    fail(Exit::internal, std::string("cuBLAS: ") + cublasGetStatusString(status));
}

void CudaBackend::product(const Product& p) { multiply_matrices(p, Compute::float32); }

}  // namespace moesim
