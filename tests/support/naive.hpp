// Naive twins of the kernels: plain loops in double that follow the formula.
#pragma once

#include "sim/backend/backend.hpp"
#include "sim/backend/kernel_arguments.hpp"

#include <cmath>
#include <numbers>
#include <vector>

namespace moesim::testing::naive {

using Doubles = std::vector<double>;

inline Doubles zeros(index n) { return Doubles(static_cast<std::size_t>(n)); }

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
inline double cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }
inline double density(double x) { return std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi); }

inline double unary(Unary op, double x) {
  switch (op) {
    case Unary::relu:
      return x > 0 ? x : 0;
    case Unary::gelu:
      return x * cdf(x);
    case Unary::silu:
      return x * sigmoid(x);
    case Unary::tanh:
      return std::tanh(x);
    case Unary::sigmoid:
      return sigmoid(x);
    case Unary::exp:
      return std::exp(x);
    case Unary::log:
      return std::log(x);
    case Unary::softplus:
      return std::log1p(std::exp(x));
    case Unary::square:
      return x * x;
    case Unary::sqrt:
      return std::sqrt(x);
    case Unary::reciprocal:
      return 1 / x;
    case Unary::normal_cdf:
      return cdf(x);
  }
  return NAN;
}

// d unary / dx, from x alone.
inline double slope(Unary op, double x) {
  switch (op) {
    case Unary::relu:
      return x > 0 ? 1 : 0;
    case Unary::gelu:
      return cdf(x) + x * density(x);
    case Unary::silu:
      return sigmoid(x) + x * sigmoid(x) * sigmoid(-x);
    case Unary::tanh:
      return 1 / (std::cosh(x) * std::cosh(x));
    case Unary::sigmoid:
      return sigmoid(x) * sigmoid(-x);
    case Unary::exp:
      return std::exp(x);
    case Unary::log:
      return 1 / x;
    case Unary::softplus:
      return sigmoid(x);
    case Unary::square:
      return 2 * x;
    case Unary::sqrt:
      return 0.5 / std::sqrt(x);
    case Unary::reciprocal:
      return -1 / (x * x);
    case Unary::normal_cdf:
      return density(x);
  }
  return NAN;
}

// f(place of the first value, step) for every line along the axis.
template <class F>
void for_lines(Along a, F f) {
  for (index outer = 0; outer < a.outer; ++outer)
    for (index inner = 0; inner < a.inner; ++inner)
      f(static_cast<std::size_t>(outer * a.n * a.inner + inner), static_cast<std::size_t>(a.inner),
        static_cast<std::size_t>(outer * a.inner + inner));
}

inline Doubles softmax(Along a, double scale, const Doubles& x) {
  Doubles y(x.size());
  for_lines(a, [&](std::size_t at, std::size_t step, std::size_t) {
    const auto n = static_cast<std::size_t>(a.n);
    double largest = -INFINITY, sum = 0;
    for (std::size_t i = 0; i < n; ++i) largest = std::max(largest, scale * x[at + i * step]);
    for (std::size_t i = 0; i < n; ++i)
      sum += y[at + i * step] = std::exp(scale * x[at + i * step] - largest);
    for (std::size_t i = 0; i < n; ++i) y[at + i * step] /= sum;
  });
  return y;
}

// By the Jacobian: dy_j / dx_i = scale · y_j · (δ_ij - y_i).
inline Doubles softmax_backward(Along a, double scale, const Doubles& y, const Doubles& dy) {
  Doubles dx(y.size());
  for_lines(a, [&](std::size_t at, std::size_t step, std::size_t) {
    const auto n = static_cast<std::size_t>(a.n);
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        dx[at + i * step] +=
            dy[at + j * step] * scale * y[at + j * step] * ((i == j ? 1 : 0) - y[at + i * step]);
  });
  return dx;
}

inline double log_sum_exp(const double* x, index n) {
  double largest = -INFINITY, sum = 0;
  for (index i = 0; i < n; ++i) largest = std::max(largest, x[i]);
  for (index i = 0; i < n; ++i) sum += std::exp(x[i] - largest);
  return largest + std::log(sum);
}

struct Normed {
  Doubles y, inverse;
};
inline Normed unit_norm(Along a, double epsilon, const Doubles& x) {
  Normed out{Doubles(x.size()), zeros(a.outer * a.inner)};
  for_lines(a, [&](std::size_t at, std::size_t step, std::size_t line) {
    const auto n = static_cast<std::size_t>(a.n);
    double sum = epsilon;
    for (std::size_t i = 0; i < n; ++i) sum += x[at + i * step] * x[at + i * step];
    out.inverse[line] = 1 / std::sqrt(sum);
    for (std::size_t i = 0; i < n; ++i) out.y[at + i * step] = x[at + i * step] * out.inverse[line];
  });
  return out;
}

// By the Jacobian: dy_j / dx_i = r δ_ij - x_i x_j r³, r the inverse length.
inline Doubles unit_norm_backward(Along a, double epsilon, const Doubles& x, const Doubles& dy) {
  const Normed forward = unit_norm(a, epsilon, x);
  Doubles dx(x.size());
  for_lines(a, [&](std::size_t at, std::size_t step, std::size_t line) {
    const auto n = static_cast<std::size_t>(a.n);
    const double r = forward.inverse[line];
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j)
        dx[at + i * step] += dy[at + j * step] *
                             ((i == j ? r : 0) - x[at + i * step] * x[at + j * step] * r * r * r);
  });
  return dx;
}

}  // namespace moesim::testing::naive
