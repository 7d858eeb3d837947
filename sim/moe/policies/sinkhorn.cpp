#include "sim/moe/policies/sinkhorn.hpp"

#include "sim/config/text.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <cmath>
#include <vector>

namespace moesim {
namespace {

constexpr int kMostIterations = 10000;
constexpr real kLeast = real(1e-10);  // of linear values

// One group of n tokens, on the host and in double, so that the number of iterations is the same
// for both number types. a [n, E] is replaced by the balanced values.
void balance_group(std::vector<double>& a, std::size_t E, double tolerance) {
  const std::size_t n = a.size() / E;
  std::vector<double> c(E, 1), next(E), r(n);
  for (int i = 0; i < kMostIterations; ++i) {
    for (std::size_t t = 0; t < n; ++t) {
      double sum = 0;
      for (std::size_t e = 0; e < E; ++e) sum += a[t * E + e] * c[e];
      r[t] = 1 / (static_cast<double>(n) * (sum + 1e-8));
    }
    next.assign(E, 0);
    for (std::size_t t = 0; t < n; ++t)
      for (std::size_t e = 0; e < E; ++e) next[e] += a[t * E + e] * r[t];
    double change = 0;
    for (std::size_t e = 0; e < E; ++e) {
      next[e] = 1 / (static_cast<double>(E) * (next[e] + 1e-8));
      change += std::abs(next[e] - c[e]);
    }
    c = next;
    if (!(change > tolerance * static_cast<double>(E))) break;  // also for NaN
  }
  for (std::size_t t = 0; t < n; ++t)
    for (std::size_t e = 0; e < E; ++e) a[t * E + e] *= c[e] * r[t];
}

// logs [n, G, E]
Tensor until_balanced(const Tensor& logs, double tolerance) {
  const auto groups = static_cast<std::size_t>(logs.dim(1)),
             E = static_cast<std::size_t>(logs.dim(2));
  std::vector<real> values = logs.to_host();
  const std::size_t n = values.size() / (groups * E);
  std::vector<double> a(n * E);
  for (std::size_t g = 0; g < groups; ++g) {
    const auto at = [&](std::size_t i) { return (i / E * groups + g) * E + i % E; };
    for (std::size_t i = 0; i < n * E; ++i) a[i] = std::exp(static_cast<double>(values[at(i)]));
    balance_group(a, E, tolerance);
    for (std::size_t i = 0; i < n * E; ++i) values[at(i)] = static_cast<real>(a[i]);
  }
  return Tensor::of(logs.shape(), values, logs.backend());
}

}  // namespace

Sinkhorn::Sinkhorn(Options& options) {
  linear_ = options.choice("values", "exponential", {"exponential", "linear"},
                           "what is balanced: exp(logit), or the logit itself, at least 1e-10 "
                           "(lucidrains)") == "linear";
  temperature_ = options.number("temperature", 1, {1e-3, 1e3},
                                "divides the logarithm of the values before they are balanced");
  iterations_ = options.integer("iterations", 0, {0, 1000},
                                "iterations of Sinkhorn in logarithms; 0: until `tolerance`");
  tolerance_ = options.number("tolerance", 1e-4, {1e-12, 1},
                              "with iterations = 0: mean change of a column's factor at the end");
  options.explain(
      Topic::scores,
      fmt::format("S = sinkhorn(l): {}, rows and columns scaled in turn {}",
                  linear_ ? "max(l, 1e-10)" : "exp(l)",
                  iterations_ > 0 ? fmt::format("{} times", iterations_)
                                  : "until the mean change of a column's factor is at most " +
                                        config::shortest(tolerance_)));
}

Tensor Sinkhorn::balance(const Tensor& logits) const {
  return balance_columns(logits.reshape({logits.rows(), 1, logits.cols()})).reshape(logits.shape());
}

Tensor Sinkhorn::balance(const Tensor& logits, Group group, index B, index S) const {
  if (group == Group::batch) return balance(logits);
  const index E = logits.cols();
  if (group == Group::position)
    return balance_columns(logits.reshape({B, S, E})).reshape(logits.shape());
  const Tensor turned = balance_columns(swap_blocks(logits, B, S, E).reshape({S, B, E}));
  return swap_blocks(turned, S, B, E).reshape(logits.shape());
}

Tensor Sinkhorn::balance_columns(const Tensor& logits) const {
  const index n = logits.dim(0), G = logits.dim(1), E = logits.dim(2);
  const Tensor values = linear_ ? log(affine(relu(affine(logits, 1, -kLeast)), 1, kLeast)) : logits;
  Tensor logs = temperature_ == 1 ? values : affine(values, static_cast<real>(1 / temperature_));
  if (iterations_ == 0) return until_balanced(logs, tolerance_);
  for (index i = 0; i < iterations_; ++i) {
    const Tensor columns = swap_blocks(logs, n, G * E, 1).reshape({G * E, n});
    logs = add_row(logs.reshape({n, G * E}), affine(log_sum_exp(columns), -1)).reshape({n * G, E});
    logs = sub_column(logs, log_sum_exp(logs));
  }
  return exp(logs).reshape({n, G, E});
}

}  // namespace moesim
