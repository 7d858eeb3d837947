// Naive twins of the kernels that are whole layers: norms and attention.
#pragma once

#include "tests/support/naive.hpp"

namespace moesim::testing::naive {

struct Norm {
  Doubles y, mean, inverse;
};
inline Norm norm(NormKind kind, double epsilon, const Doubles& x, const double* gamma,
                 const double* beta, index rows, index cols) {
  Norm out{Doubles(x.size()), zeros(rows), zeros(rows)};
  for (index r = 0; r < rows; ++r) {
    const double* row = x.data() + r * cols;
    double mean = 0, square = 0;
    for (index c = 0; c < cols && kind == NormKind::layer; ++c)
      mean += row[c] / static_cast<double>(cols);
    for (index c = 0; c < cols; ++c)
      square += (row[c] - mean) * (row[c] - mean) / static_cast<double>(cols);
    const double inverse = 1 / std::sqrt(square + epsilon);
    out.mean[static_cast<std::size_t>(r)] = mean;
    out.inverse[static_cast<std::size_t>(r)] = inverse;
    for (index c = 0; c < cols; ++c)
      out.y[static_cast<std::size_t>(r * cols + c)] =
          (row[c] - mean) * inverse * (gamma ? gamma[c] : 1) + (beta ? beta[c] : 0);
  }
  return out;
}

struct NormGradients {
  Doubles dx, dgamma, dbeta;
};
// By the Jacobian: with h = (x - mean) · r, dh_j / dx_i = r · (δ_ij - [layer] 1/n - h_i h_j / n).
inline NormGradients norm_backward(NormKind kind, double epsilon, const Doubles& x,
                                   const double* gamma, const Doubles& dy, index rows, index cols) {
  const Norm forward = norm(kind, epsilon, x, nullptr, nullptr, rows, cols);
  NormGradients out{Doubles(x.size()), zeros(cols), zeros(cols)};
  const double n = static_cast<double>(cols);
  for (index r = 0; r < rows; ++r) {
    const double *h = forward.y.data() + r * cols, *d = dy.data() + r * cols;
    for (index i = 0; i < cols; ++i) {
      out.dgamma[static_cast<std::size_t>(i)] += d[i] * h[i];
      out.dbeta[static_cast<std::size_t>(i)] += d[i];
      for (index j = 0; j < cols; ++j)
        out.dx[static_cast<std::size_t>(r * cols + i)] +=
            d[j] * (gamma ? gamma[j] : 1) * forward.inverse[static_cast<std::size_t>(r)] *
            ((i == j ? 1 : 0) - (kind == NormKind::layer ? 1 / n : 0) - h[i] * h[j] / n);
    }
  }
  return out;
}

struct AttentionResult {
  Doubles y, lse, dqkv;
};
// Forward, and the pull-back of dy, with the whole matrix of probabilities of each head.
inline AttentionResult attention(const Attention& a, const Doubles& qkv, const Doubles& dy) {
  const index S = a.length, d = a.head_size, width = a.heads * d;
  AttentionResult out{zeros(a.batch * S * width), zeros(a.batch * S * a.heads),
                      Doubles(qkv.size())};
  for (index b = 0; b < a.batch; ++b)
    for (index h = 0; h < a.heads; ++h) {
      // Place of value c of q, k, v (part 0, 1, 2) of token i, and of y.
      const auto in = [&](index part, index i, index c) {
        return static_cast<std::size_t>((b * S + i) * 3 * width + part * width + h * d + c);
      };
      const auto at = [&](index i, index c) {
        return static_cast<std::size_t>((b * S + i) * width + h * d + c);
      };
      for (index i = 0; i < S; ++i) {
        const index keys = a.causal ? i + 1 : S;
        Doubles p = zeros(keys), dp = zeros(keys);
        double dot = 0;
        for (index j = 0; j < keys; ++j)
          for (index c = 0; c < d; ++c)
            p[static_cast<std::size_t>(j)] += double(a.scale) * qkv[in(0, i, c)] * qkv[in(1, j, c)];
        const double lse = log_sum_exp(p.data(), keys);
        out.lse[static_cast<std::size_t>((b * S + i) * a.heads + h)] = lse;
        for (index j = 0; j < keys; ++j) {
          double& pj = p[static_cast<std::size_t>(j)];
          pj = std::exp(pj - lse);
          for (index c = 0; c < d; ++c) {
            out.y[at(i, c)] += pj * qkv[in(2, j, c)];
            out.dqkv[in(2, j, c)] += pj * dy[at(i, c)];
            dp[static_cast<std::size_t>(j)] += dy[at(i, c)] * qkv[in(2, j, c)];
          }
          dot += pj * dp[static_cast<std::size_t>(j)];
        }
        for (index j = 0; j < keys; ++j) {
          const double ds = double(a.scale) * p[static_cast<std::size_t>(j)] *
                            (dp[static_cast<std::size_t>(j)] - dot);
          for (index c = 0; c < d; ++c) {
            out.dqkv[in(0, i, c)] += ds * qkv[in(1, j, c)];
            out.dqkv[in(1, j, c)] += ds * qkv[in(0, i, c)];
          }
        }
      }
    }
  return out;
}

}  // namespace moesim::testing::naive
