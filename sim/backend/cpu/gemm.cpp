#include "sim/backend/cpu/gemm.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <type_traits>

#if defined(MOESIM_GEMM_ONEDNN)
#include <dnnl.h>
#elif defined(MOESIM_GEMM_OPENBLAS)
#include <cblas.h>
#endif

namespace moesim::cpu {
namespace {

using Matrix = Eigen::Matrix<real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<const Matrix, 0, Eigen::OuterStride<>>;
using MutableMap = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;

void eigen_gemm(bool transpose_a, bool transpose_b, index m, index n, index k, real alpha,
                const real* a, index lda, const real* b, index ldb, real beta, real* c, index ldc) {
  const Map left(a, transpose_a ? k : m, transpose_a ? m : k, Eigen::OuterStride<>(lda));
  const Map right(b, transpose_b ? n : k, transpose_b ? k : n, Eigen::OuterStride<>(ldb));
  MutableMap out(c, m, n, Eigen::OuterStride<>(ldc));
  if (beta == 0)
    out.setZero();
  else if (beta != 1)
    out *= beta;
  if (transpose_a && transpose_b)
    out.noalias() += alpha * left.transpose() * right.transpose();
  else if (transpose_a)
    out.noalias() += alpha * left.transpose() * right;
  else if (transpose_b)
    out.noalias() += alpha * left * right.transpose();
  else
    out.noalias() += alpha * left * right;
}

// The provider's own product where it has one for this type, else Eigen's.
template <class T>
void provided(bool transpose_a, bool transpose_b, index m, index n, index k, T alpha, const T* a,
              index lda, const T* b, index ldb, T beta, T* c, index ldc) {
#if defined(MOESIM_GEMM_ONEDNN)
  if constexpr (std::is_same_v<T, float>) {
    dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k, alpha, a, lda, b, ldb,
               beta, c, ldc);
    return;
  }
#elif defined(MOESIM_GEMM_OPENBLAS)
  const auto i = [](index size) { return static_cast<int>(size); };
  const CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans;
  const CBLAS_TRANSPOSE tb = transpose_b ? CblasTrans : CblasNoTrans;
  if constexpr (std::is_same_v<T, float>)
    cblas_sgemm(CblasRowMajor, ta, tb, i(m), i(n), i(k), alpha, a, i(lda), b, i(ldb), beta, c,
                i(ldc));
  else
    cblas_dgemm(CblasRowMajor, ta, tb, i(m), i(n), i(k), alpha, a, i(lda), b, i(ldb), beta, c,
                i(ldc));
  return;
#endif
  eigen_gemm(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace

void gemm(bool transpose_a, bool transpose_b, index m, index n, index k, real alpha, const real* a,
          index lda, const real* b, index ldb, real beta, real* c, index ldc) {
  if (m == 0 || n == 0) return;
  if (k == 0) {  // providers disagree on empty sums
    for (index row = 0; row < m; ++row)
      for (index col = 0; col < n; ++col)
        c[row * ldc + col] = beta == 0 ? 0 : beta * c[row * ldc + col];
    return;
  }
  provided(transpose_a, transpose_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);
}

}  // namespace moesim::cpu
