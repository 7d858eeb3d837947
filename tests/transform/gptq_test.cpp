// Tests GPTQ against a loop with explicit inverses, and the calibration against rows that were counted.
#include "sim/transform/gptq.hpp"

#include "sim/moe/expert.hpp"
#include "sim/transform/quantise.hpp"
#include "tests/support/catch.hpp"
#include "tests/transform/support.hpp"

#include <cmath>
#include <numeric>
#include <random>

namespace moesim::testing {
namespace {

using Gram = std::vector<double>;

// Xᵀ X of random rows with correlated columns.
Gram random_gram(std::size_t n, std::size_t rows, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  Gram gram(n * n, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<double> x(n);
    const double shared = normal(random);
    for (double& value : x) value = normal(random) + 2 * shared;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j < n; ++j) gram[i * n + j] += x[i] * x[j];
  }
  return gram;
}

std::vector<double> random_weights(std::size_t n, std::mt19937_64& random) {
  std::normal_distribution<double> normal;
  std::vector<double> w(n);
  for (double& value : w) value = normal(random);
  return w;
}

// The inverse by Gauss-Jordan elimination; the matrix is positive definite.
Gram inverse(Gram a, std::size_t n) {
  Gram b(n * n, 0);
  for (std::size_t i = 0; i < n; ++i) b[i * n + i] = 1;
  for (std::size_t i = 0; i < n; ++i) {
    const double pivot = a[i * n + i];
    for (std::size_t j = 0; j < n; ++j) a[i * n + j] /= pivot, b[i * n + j] /= pivot;
    for (std::size_t k = 0; k < n; ++k) {
      if (k == i) continue;
      const double factor = a[k * n + i];
      for (std::size_t j = 0; j < n; ++j)
        a[k * n + j] -= factor * a[i * n + j], b[k * n + j] -= factor * b[i * n + j];
    }
  }
  return b;
}

Gram damped(Gram gram, std::size_t n) {
  double mean = 0;
  for (std::size_t i = 0; i < n; ++i) mean += gram[i * n + i] / static_cast<double>(n);
  for (std::size_t i = 0; i < n; ++i) gram[i * n + i] += 0.1 * mean;
  return gram;
}

// Optimal brain quantisation in the order of the inputs (Frantar & Alistarh 2022): the inverse of what
// is left of H is computed anew for every input. One output.
std::vector<double> brain_quantised(std::vector<double> w, const Gram& h, const WeightGrid& grid) {
  const std::size_t n = w.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t left = n - i;
    Gram rest(left * left);
    for (std::size_t a = 0; a < left; ++a)
      for (std::size_t b = 0; b < left; ++b) rest[a * left + b] = h[(i + a) * n + i + b];
    const Gram inverted = inverse(rest, left);
    const double value = grid.value(grid.code(w[i])), error = (w[i] - value) / inverted[0];
    for (std::size_t b = 1; b < left; ++b) w[i + b] -= error * inverted[b];
    w[i] = value;
  }
  return w;
}

std::vector<double> by_gptq(std::vector<double> w, const Gram& gram, const WeightGrid& grid) {
  const auto n = static_cast<index>(w.size());
  gptq(w, n, 1, gram, [&](index, index, double x) { return grid.value(grid.code(x)); });
  return w;
}

// ½ (w - ŵ)ᵀ H (w - ŵ)
double harm(const std::vector<double>& w, const std::vector<double>& rounded, const Gram& h) {
  double sum = 0;
  for (std::size_t i = 0; i < w.size(); ++i)
    for (std::size_t j = 0; j < w.size(); ++j)
      sum += 0.5 * (w[i] - rounded[i]) * h[i * w.size() + j] * (w[j] - rounded[j]);
  return sum;
}

TEST_CASE("gptq: equal to explicit inverses, and less harm than rounding", "[transform]") {
  std::mt19937_64 random(5);
  double gptq_harm = 0, nearest_harm = 0;
  for (int problem = 0; problem < 100; ++problem) {
    CAPTURE(problem);
    const auto n = static_cast<std::size_t>(2 + problem % 15);
    const std::vector<double> w = random_weights(n, random);
    const Gram gram = random_gram(n, 3 * n, random), h = damped(gram, n);
    const WeightGrid grid(w, 2 + problem % 3);
    const std::vector<double> got = by_gptq(w, gram, grid), want = brain_quantised(w, h, grid);
    std::vector<double> nearest;
    for (std::size_t i = 0; i < n; ++i) {
      CHECK(std::abs(got[i] - want[i]) < 1e-10);
      nearest.push_back(grid.value(grid.code(w[i])));
    }
    gptq_harm += harm(w, got, h), nearest_harm += harm(w, nearest, h);
  }
  CHECK(gptq_harm < 0.7 * nearest_harm);
}

TEST_CASE("gptq: uncorrelated inputs, no rows and one input give round to nearest", "[transform]") {
  std::mt19937_64 random(6);
  const index in = 6, out = 4, experts = 2;
  HostTensor matrices{{experts, in, out}, {}};
  for (const double w : random_weights(static_cast<std::size_t>(experts * in * out), random))
    matrices.values.push_back(static_cast<real>(w));
  Gram one(36, 0);
  for (std::size_t i = 0; i < 6; ++i) one[i * 7] = 3;
  const auto done = [&](Quantisation how, const std::vector<Gram>& grams) {
    HostTensor rounded = matrices;
    std::vector<index> counts(16, 0);
    index rows = 0;
    quantise(how, rounded, counts, rows, grams);
    CHECK(std::accumulate(counts.begin(), counts.end(), index{0}) == experts * in * out);
    return rounded.values;
  };
  for (const index group : {0, 4}) {
    CAPTURE(group);
    const Quantisation nearest{.bits = 3, .group = group};
    Quantisation how = nearest;
    how.method = Quantisation::Method::gptq;
    CHECK(done(how, {one, {}}) == done(nearest, {}));
    CHECK(done(how, {Gram(36, 0), one}) == done(nearest, {}));
    CHECK(done(how, {random_gram(6, 30, random), one}) != done(nearest, {}));
  }
  const WeightGrid grid(std::vector<double>{-1, 2}, 2);
  CHECK(by_gptq({0.7}, {5}, grid) == std::vector<double>{1});
}

// With k choices and no drops, every layer has k rows of each token; LayerNorm's rows have Σ x² near D
// (less by its epsilon, as the values are small).
TEST_CASE("calibration: the rows of every expert", "[transform]") {
  Training training(two_layers({"router.name", "token_choice", "router.token_choice.k", "2"}), 1);
  const std::string w1 = "blocks.0.moe.experts.w1", w2 = "blocks.1.moe.experts.w2";
  const std::vector<NamedTensor> weights = training.trainer->weights();
  const Calibration on{.data = *training.data,
                       .task = *training.task,
                       .model = *training.model,
                       .backend = training.backend,
                       .seed = 7,
                       .sequences = 5};
  const Grams grams = input_grams(on, weights, {w1, w2});
  REQUIRE(grams.size() == 2);
  CHECK(grams.at(w2).front().size() == 32 * 32);
  double trace = 0;
  for (const Gram& gram : grams.at(w1))
    for (std::size_t i = 0; i < 16 && !gram.empty(); ++i) trace += gram[i * 17];
  CHECK(trace == Approx(16.0 * 2 * 5 * 16).epsilon(0.03));

  // The same rows, collected in a loop of this test.
  std::vector<Gram> want(4, Gram(32 * 32, 0));
  Context context;
  context.seed = 7;
  context.on_product = [&](const Tensor& w, const Rows& rows) {
    const auto at = std::find_if(weights.begin(), weights.end(),
                                 [&](const NamedTensor& t) { return t.value.data() == w.data(); });
    REQUIRE(at != weights.end());
    if (at->name != w2) return;
    const std::vector<real> x = rows.x.to_host();
    const std::vector<std::int32_t> begin = rows.segments.offset.to_host();
    for (std::size_t e = 0; e < 4; ++e)
      for (auto r = static_cast<std::size_t>(begin[e]); r < static_cast<std::size_t>(begin[e + 1]);
           ++r)
        for (std::size_t i = 0; i < 32; ++i)
          for (std::size_t j = 0; j < 32; ++j)
            want[e][i * 32 + j] +=
                static_cast<double>(x[r * 32 + i]) * static_cast<double>(x[r * 32 + j]);
  };
  std::vector<Loss> losses;
  const Batch batch = training.task->pose(training.data->batch(Split::train, 7, 0, 5), {});
  training.model->forward(training.task->prepare(batch, training.backend).input, context, losses);
  for (std::size_t e = 0; e < 4; ++e)
    for (std::size_t i = 0; i < 32 * 32; ++i)
      CHECK((grams.at(w2)[e].empty() ? 0 : grams.at(w2)[e][i]) == Approx(want[e][i]).margin(1e-9));
}

TEST_CASE("gptq: inputs are those of a model whose earlier matrices are quantised", "[transform]") {
  Training training(two_layers({"router.name", "token_choice"}), 1);
  const HostTensors before = tensors_of(training);
  HostTensors tensors = before;
  const std::vector<std::string> order = {"blocks.0.moe.experts.w1", "blocks.0.moe.experts.w2",
                                          "blocks.1.moe.experts.w1", "blocks.1.moe.experts.w2"};
  std::size_t calls = 0;
  std::vector<HostTensors> seen;
  const auto calibrate = [&](const HostTensors& now, const std::vector<std::string>& names) {
    REQUIRE(names == std::vector<std::string>{order.at(calls++)});
    seen.push_back(now);
    Grams grams;
    grams[names[0]].resize(4);
    return grams;
  };
  quantise_experts({.method = Quantisation::Method::gptq, .bits = 3}, tensors, *training.model,
                   calibrate);
  REQUIRE(seen.size() == 4);
  for (std::size_t call = 0; call < 4; ++call)
    for (std::size_t i = 0; i < 4; ++i) {
      CAPTURE(call, i);
      const std::vector<real>& done = tensors.at(order[i]).values;
      CHECK(done != before.at(order[i]).values);
      CHECK(seen[call].at(order[i]).values == (i < call ? done : before.at(order[i]).values));
    }
}

TEST_CASE("gptq: mixtures of tokens are refused", "[transform]") {
  Training training(Values{"router.name", "soft"}, 1);
  HostTensors tensors = tensors_of(training);
  const auto calibrate = [&](const HostTensors&, const std::vector<std::string>& names) {
    return input_grams({*training.data, *training.task, *training.model, training.backend, 0, 4},
                       training.trainer->weights(), names);
  };
  CHECK_THROWS_WITH(quantise_experts({.method = Quantisation::Method::gptq, .bits = 3}, tensors,
                                     *training.model, calibrate),
                    contains("choose --method rtn"));
}

}  // namespace
}  // namespace moesim::testing
