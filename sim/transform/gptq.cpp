#include "sim/transform/gptq.hpp"

#include <Eigen/Cholesky>

#include <algorithm>

namespace moesim {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// U of H⁻¹ = Uᵀ U; without rows or factors, 1.
Matrix inverse_factor(std::span<const double> gram, index n) {
  Matrix one = Matrix::Identity(n, n);
  if (gram.empty()) return one;
  Matrix h = Eigen::Map<const Matrix>(gram.data(), n, n);
  const double mean = h.diagonal().mean();
  if (!(mean > 0)) return one;
  h.diagonal().array() += std::max(0.1 * mean, 1e-6);
  const Eigen::LLT<Matrix> factor(h);
  if (factor.info() != Eigen::Success) return one;
  const Matrix inverse = factor.solve(one);
  const Eigen::LLT<Matrix> of_inverse(inverse);
  if (of_inverse.info() != Eigen::Success) return one;
  return of_inverse.matrixU();
}

}  // namespace

void gptq(std::span<double> w, index in, index out, std::span<const double> gram,
          const std::function<double(index, index, double)>& round) {
  const Matrix u = inverse_factor(gram, in);
  Eigen::Map<Matrix> weights(w.data(), in, out);
  Eigen::RowVectorXd error(out);
  for (index i = 0; i < in; ++i) {
    for (index o = 0; o < out; ++o) {
      const double rounded = round(i, o, weights(i, o));
      error(o) = (weights(i, o) - rounded) / u(i, i);
      weights(i, o) = rounded;
    }
    for (index j = i + 1; j < in; ++j)
      if (u(i, j) != 0) weights.row(j) -= u(i, j) * error;
  }
}

}  // namespace moesim
