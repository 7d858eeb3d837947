#include "sim/backend/cpu/gemm.hpp"

#include <Eigen/Core>

#include <algorithm>
#include <array>
#include <map>
#include <type_traits>
#include <vector>

#if defined(MOESIM_GEMM_ONEDNN)
#include <dnnl.hpp>
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

// The provider's product if it has one for this type, else Eigen's.
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

namespace {

// A matrix converted to `real`, in the same layout.
std::vector<real> widened(const bf16* p, index rows, index cols, index ld) {
  std::vector<real> wide(static_cast<std::size_t>(rows * cols));
  for (index row = 0; row < rows; ++row)
    for (index col = 0; col < cols; ++col)
      wide[static_cast<std::size_t>(row * cols + col)] = from_bf16(p[row * ld + col]);
  return wide;
}

#if defined(MOESIM_GEMM_ONEDNN)
// oneDNN's bfloat16 products: a cache of one primitive per shape and thread, because making one
// costs more than a small product. Callers must use few shapes.
class Bf16Products {
 public:
  // Returns false if this processor has no such product.
  bool run(bool ta, bool tb, index m, index n, index k, const bf16* a, index lda, const bf16* b,
           index ldb, bool acc, float* c, index ldc) {
    const std::array<index, 9> shape = {ta, tb, m, n, k, lda, ldb, ldc, acc};
    const auto found = primitives_.find(shape);
    const dnnl::matmul& product =
        (found != primitives_.end() ? found : primitives_.emplace(shape, make(shape)).first)
            ->second;
    if (!product) return false;
    const auto memory = [&](int which, const void* p) {
      return dnnl::memory(described(shape, which), engine_, const_cast<void*>(p));
    };
    product.execute(stream_, {{DNNL_ARG_SRC, memory(0, a)},
                              {DNNL_ARG_WEIGHTS, memory(1, b)},
                              {DNNL_ARG_DST, memory(2, c)}});
    return true;
  }

 private:
  using Shape = std::array<index, 9>;

  static dnnl::memory::desc described(const Shape& s, int which) {
    const auto [ta, tb, m, n, k, lda, ldb, ldc, acc] = s;
    using dt = dnnl::memory::data_type;
    const auto matrix = [](index rows, index cols, dt type, index ld, bool transposed) {
      return dnnl::memory::desc({rows, cols}, type,
                                transposed ? dnnl::memory::dims{1, ld} : dnnl::memory::dims{ld, 1});
    };
    if (which == 0) return matrix(m, k, dt::bf16, lda, ta != 0);
    if (which == 1) return matrix(k, n, dt::bf16, ldb, tb != 0);
    return matrix(m, n, dt::f32, ldc, false);
  }

  dnnl::matmul make(const Shape& shape) {
    dnnl::primitive_attr attributes;
    if (shape[8] != 0) {
      dnnl::post_ops sum;
      sum.append_sum(1);
      attributes.set_post_ops(sum);
    }
    try {
#if DNNL_VERSION_MAJOR >= 3
      return dnnl::matmul(dnnl::matmul::primitive_desc(
          engine_, described(shape, 0), described(shape, 1), described(shape, 2), attributes));
#else
      return dnnl::matmul(dnnl::matmul::primitive_desc(
          dnnl::matmul::desc(described(shape, 0), described(shape, 1), described(shape, 2)),
          attributes, engine_));
#endif
    } catch (const dnnl::error&) {
      return {};
    }
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::map<Shape, dnnl::matmul> primitives_;
};

// Returns false if this processor has no such product for the type.
template <class T>
bool bf16_product(bool ta, bool tb, index m, index n, index k, const bf16* a, index lda,
                  const bf16* b, index ldb, bool acc, T* c, index ldc) {
  if constexpr (std::is_same_v<T, float>) {
    thread_local Bf16Products products;
    return products.run(ta, tb, m, n, k, a, lda, b, ldb, acc, c, ldc);
  }
  return false;
}
#else
template <class... Whatever>
bool bf16_product(const Whatever&...) {
  return false;
}
#endif

}  // namespace

void gemm_bf16(bool transpose_a, bool transpose_b, index m, index n, index k, const bf16* a,
               index lda, const bf16* b, index ldb, bool acc, real* c, index ldc) {
  if (m == 0 || n == 0) return;
  if (k > 0 && bf16_product(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, acc, c, ldc)) return;
  const index a_rows = transpose_a ? k : m, a_cols = transpose_a ? m : k;
  const index b_rows = transpose_b ? n : k, b_cols = transpose_b ? k : n;
  gemm(transpose_a, transpose_b, m, n, k, 1, widened(a, a_rows, a_cols, lda).data(), a_cols,
       widened(b, b_rows, b_cols, ldb).data(), b_cols, acc ? 1 : 0, c, ldc);
}

bool has_bf16() {
  const bf16 one = 0x3f80;
  real c = 0;
  return bf16_product(false, false, 1, 1, 1, &one, 1, &one, 1, false, &c, 1);
}

}  // namespace moesim::cpu
