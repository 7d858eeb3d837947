// Tests auxiliary losses against values worked out by hand.
#include "sim/moe/losses.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <cmath>
#include <numbers>
#include <vector>

namespace moesim::testing {
namespace {

const double kClose = kDouble ? 1e-12 : 1e-5;

Tensor matrix(index rows, index cols, const std::vector<real>& values) {
  return Tensor::of({rows, cols}, values, test_backend());
}
Indices choices(const std::vector<std::int32_t>& values) {
  return Indices::of(values, test_backend());
}
double balance(const Tensor& scores, const std::vector<std::int32_t>& choice, index k,
               Counted counted = Counted::all, index groups = 1) {
  return balance_loss(scores, choices(choice), k, counted, groups).item();
}

}  // namespace

TEST_CASE("balance loss: 1 at balance, for any k", "[moe][losses]") {
  const Tensor uniform = matrix(4, 4, std::vector<real>(16, real(0.25)));
  CHECK_THAT(balance(uniform, {0, 1, 2, 3}, 1), WithinAbs(1, kClose));
  CHECK_THAT(balance(uniform, {0, 1, 1, 2, 2, 3, 3, 0}, 2), WithinAbs(1, kClose));
  // Uniform scores give 1 whatever the choices: Σ f = k.
  CHECK_THAT(balance(uniform, {0, 0, 0, 0}, 1), WithinAbs(1, kClose));
}

TEST_CASE("balance loss: by hand", "[moe][losses]") {
  const Tensor scores = matrix(2, 2, {0.9, 0.1, 0.6, 0.4});
  // P = (0.75, 0.25). Both tokens choose 0: f = (1, 0), 2 · 0.75 = 1.5.
  CHECK_THAT(balance(scores, {0, 0}, 1), WithinAbs(1.5, kClose));
  // k = 2: f = (1, 1), 2/2 · (0.75 + 0.25) = 1. First choices alone: 1.5.
  CHECK_THAT(balance(scores, {0, 1, 0, 1}, 2), WithinAbs(1, kClose));
  CHECK_THAT(balance(scores, {0, 1, 0, 1}, 2, Counted::first), WithinAbs(1.5, kClose));
  // One choice each, in two groups: (2 · 0.9 + 2 · 0.4) / 2 = 1.3.
  CHECK_THAT(balance(scores, {0, 1}, 1, Counted::all, 2), WithinAbs(1.3, kClose));
}

TEST_CASE("z loss: by hand", "[moe][losses]") {
  // log(e^0 + e^0) = log 2, log(3 e^1 - e^1) = 1 + log 2.
  const Tensor logits = matrix(2, 2, {0, 0, 1, 1});
  const double a = std::numbers::ln2, b = 1 + std::numbers::ln2;
  CHECK_THAT(z_loss(logits).item(), WithinAbs((a * a + b * b) / 2, kClose));
}

TEST_CASE("importance loss: 0 at balance, by hand elsewhere", "[moe][losses]") {
  // Column sums (1.5, 1.5).
  const Tensor even = matrix(2, 2, {1, 0.5, 0.5, 1});
  CHECK(importance_loss(even, 1, Variance::population).item() == 0);
  // Column sums (3, 1), mean 2: variance (1 + 1) / 2 = 1 or (1 + 1) / 1 = 2, by mean² = 4.
  const Tensor skewed = matrix(2, 2, {2, 1, 1, 0});
  CHECK_THAT(importance_loss(skewed, 1, Variance::population).item(), WithinAbs(0.25, kClose));
  CHECK_THAT(importance_loss(skewed, 1, Variance::sample).item(),
             WithinAbs(2 / (4 + 1e-10), kClose));
  // Row by row: (2, 1): 0.25 / 2.25; (1, 0): 0.25 / 0.25.
  CHECK_THAT(importance_loss(skewed, 2, Variance::population).item(),
             WithinAbs((1.0 / 9 + 1) / 2, kClose));
}

TEST_CASE("load loss: by hand", "[moe][losses]") {
  // One token, k = 1, deviation 1. Noisy logits (2, 1, 0), clean (1, 1, 1): expert 0 is chosen, its
  // threshold is the second, 1; that of the others is the first, 2.
  const Tensor clean = matrix(1, 3, {1, 1, 1}), noisy = matrix(1, 3, {2, 1, 0});
  const Tensor deviation = matrix(1, 3, {1, 1, 1});
  const double in = 0.5, out = 0.5 * std::erfc(1 / std::numbers::sqrt2);  // Φ(0), Φ(-1)
  const double mean = (in + 2 * out) / 3;
  const double variance = ((in - mean) * (in - mean) + 2 * (out - mean) * (out - mean)) / 3;
  CHECK_THAT(load_loss(clean, noisy, deviation, 1, Variance::population).item(),
             WithinAbs(variance / (mean * mean), kDouble ? 1e-12 : 1e-5));
}

TEST_CASE("entropy loss: log E for uniform scores, 0 for certain ones", "[moe][losses]") {
  // log(p + 1e-9) moves it by 1e-9 per expert.
  CHECK_THAT(entropy_loss(matrix(1, 4, {0.25, 0.25, 0.25, 0.25})).item(),
             WithinAbs(std::log(4.0), 1e-6));
  CHECK_THAT(entropy_loss(matrix(1, 2, {1, 0})).item(), WithinAbs(0, 1e-6));
}

TEST_CASE("entropy of the mean scores, by hand", "[moe][losses]") {
  // Mean (1/2, 1/2), of sure tokens: mutual information ln 2.
  const Tensor sure = matrix(2, 2, {1, 0, 0, 1});
  const double close = kDouble ? 1e-8 : 1e-5;  // log(p + 1e-9)
  CHECK_THAT(marginal_entropy_loss(sure).item(), WithinAbs(-std::log(2), close));
  CHECK_THAT(entropy_loss(sure).item(), WithinAbs(0, close));
}

TEST_CASE("router weights: orthogonality and size, by hand", "[moe][losses]") {
  // Columns (3, 0) and (4, 4): cosines 1, 1/√2.
  const Tensor weight = matrix(2, 2, {3, 4, 0, 4});
  const double close = kDouble ? 1e-6 : 1e-5;  // unit norms have ε = 1e-6
  CHECK_THAT(orthogonality_loss(weight, Orthogonality::cosine).item(),
             WithinAbs(2 * 0.5 / 4, close));
  // WᵀW = (9, 12; 12, 32): |8| + 12 + 12 + |31|.
  CHECK_THAT(orthogonality_loss(weight, Orthogonality::gram).item(), WithinAbs(63, kClose * 63));
  CHECK_THAT(weight_loss(weight).item(), WithinAbs((9 + 32) / 2.0, kClose * 20));
}

TEST_CASE("device losses, by hand", "[moe][losses]") {
  // Experts {0, 1} and {2, 3} on two devices; tokens choose 0 and 1, and 0 and 2. P = (0.5, 0.2,
  // 0.2, 0.1), P' = (0.7, 0.3).
  const Tensor scores = matrix(2, 4, {0.6, 0.2, 0.1, 0.1, 0.4, 0.2, 0.3, 0.1});
  const Indices choice = choices({0, 1, 0, 2});
  // Three of four choices on device 0: f' = 2 · (3/4, 1/4).
  CHECK_THAT(device_balance_loss(scores, choice, 2, 2).item(),
             WithinAbs(1.5 * 0.7 + 0.5 * 0.3, kClose));
  // Both tokens are sent to device 0, one to device 1: f'' = 2/M · (1, 1/2).
  CHECK_THAT(communication_loss(scores, choice, 2, 2, 2).item(), WithinAbs(0.7 + 0.15, kClose));
  CHECK_THAT(communication_loss(scores, choice, 2, 2, 1).item(), WithinAbs(1.4 + 0.3, kClose));
  // Uniform scores: 1 for the balance, whatever the choices.
  const Tensor uniform = matrix(2, 4, std::vector<real>(8, real(0.25)));
  CHECK_THAT(device_balance_loss(uniform, choice, 2, 2).item(), WithinAbs(1, kClose));
}

}  // namespace moesim::testing
