// Tests mixture_of_tokens.
#include "sim/core/tape.hpp"
#include "sim/ops/ops.hpp"
#include "tests/routers/close.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moesim::testing {
namespace {

// The formula, one group after the other: m = Σ_i w[i] x[i], y[i] += w[i] expert_e(m), where w is
// the softmax over the tokens that the group has.
std::vector<double> mixed_by_hand(TinyLayer& layer, const Tensor& input, index size,
                                  bool along_sequence) {
  const index D = layer.site.width, E = layer.site.experts, B = layer.site.batch,
              S = layer.site.length;
  const std::vector<double> x = host(input), weight = host(parameter_of(*layer.router, "weight"));
  std::vector<double> y(x.size());
  const index free = along_sequence ? B : S, run = along_sequence ? S : B;
  for (index f = 0; f < free; ++f)
    for (index first = 0; first < run; first += size) {
      std::vector<std::size_t> rows;
      for (index i = first; i < std::min(run, first + size); ++i)
        rows.push_back(static_cast<std::size_t>(along_sequence ? f * S + i : i * S + f));
      for (index e = 0; e < E; ++e) {
        std::vector<double> w;
        double sum = 0;
        for (const std::size_t row : rows) {
          double logit = 0;
          for (index d = 0; d < D; ++d)
            logit += x[row * static_cast<std::size_t>(D) + static_cast<std::size_t>(d)] *
                     weight[static_cast<std::size_t>(d * E + e)];
          w.push_back(std::exp(logit));
          sum += w.back();
        }
        std::vector<real> mixed(static_cast<std::size_t>(D));
        for (std::size_t d = 0; d < mixed.size(); ++d) {
          double m = 0;
          for (std::size_t i = 0; i < rows.size(); ++i)
            m += w[i] / sum * x[rows[i] * mixed.size() + d];
          mixed[d] = static_cast<real>(m);
        }
        const std::vector<double> u =
            host(layer.apply_expert(e, Tensor::of({1, D}, mixed, test_backend())));
        for (std::size_t i = 0; i < rows.size(); ++i)
          for (std::size_t d = 0; d < u.size(); ++d) y[rows[i] * u.size() + d] += w[i] / sum * u[d];
      }
    }
  return y;
}

}  // namespace

TEST_CASE("mixture of tokens: groups of one token give the sum of all experts", "[routers]") {
  TinyLayer layer({.width = 3, .experts = 4, .batch = 2, .length = 3}, "mixture_of_tokens",
                  {{"group_size", "1"}}, "mlp", 5);
  const Tensor x = layer.input();
  std::vector<double> want(static_cast<std::size_t>(x.size()));
  for (index e = 0; e < 4; ++e) {
    const std::vector<double> u = host(layer.apply_expert(e, x));
    for (std::size_t i = 0; i < want.size(); ++i) want[i] += u[i];
  }
  check_close(layer.run(x), want);
}

TEST_CASE("mixture of tokens: a last group that is not full", "[routers]") {
  // Built for batches of four and sequences of six, run on other ones.
  for (const bool along_sequence : {false, true})
    for (const index batch : {4, 5, 3, 1})
      for (const index length : {6, 4, 1}) {
        CAPTURE(along_sequence, batch, length);
        const index size = along_sequence ? 3 : 2;
        TinyLayer layer({.width = 3, .experts = 2, .batch = 4, .length = 6}, "mixture_of_tokens",
                        {{"groups", along_sequence ? "sequence" : "batch"},
                         {"group_size", std::to_string(size)}},
                        "mlp", 4);
        layer.site.batch = batch, layer.site.length = length;
        const Tensor x = layer.input();
        check_close(layer.run(x), mixed_by_hand(layer, x, size, along_sequence));
      }
}

TEST_CASE("mixture of tokens: no mixing at evaluation", "[routers]") {
  // Logits are the tokens: 1 and 3 at position 0, 2 and -1 at position 1. The expert gets the
  // largest alone, returns ten times it, and the largest alone gets that back.
  TinyLayer layer({.width = 1, .experts = 1, .batch = 2, .length = 2}, "mixture_of_tokens",
                  {{"group_size", "2"}, {"evaluation", "argmax"}});
  layer.set("weight", {1});
  layer.set_expert("w", {10});
  layer.set_expert("b", {0});
  const Tensor x = Tensor::of({4, 1}, {1, 2, 3, -1}, test_backend());
  CHECK(layer.run(x).to_host() == std::vector<real>{0, 20, 30, 0});
  layer.context.training = true;
  // Weights of 1 and 3: 1/(1 + e²) and e²/(1 + e²).
  const double w = 1 / (1 + std::exp(2.0)), v = 1 / (1 + std::exp(3.0));
  const double first = 10 * (w + 3 * (1 - w)), second = 10 * (2 * (1 - v) - v);
  check_close(layer.run(x), {w * first, (1 - v) * second, (1 - w) * first, v * second});
}

TEST_CASE("mixture of tokens: one learned temperature for both weights", "[routers]") {
  const Site site{.width = 3, .experts = 2, .batch = 2, .length = 3};
  const auto made = [&](const char* temperatures) {
    return TinyLayer(site, "mixture_of_tokens",
                     {{"learned_temperature", "true"}, {"temperatures", temperatures}}, "mlp", 4);
  };
  TinyLayer one = made("one"), two = made("two");
  const auto gradient = [](TinyLayer& layer, const std::vector<std::string>& names) {
    for (const std::string& name : names) layer.set(name, {real(0.3)});
    Tape tape;
    const Tape::Scope scope(&tape);
    const Tensor y = layer.run(layer.input());
    tape.backward(sum(square(y)));
    double total = 0;
    for (const std::string& name : names)
      total += parameter_of(*layer.router, name).gradient().item();
    return std::pair(host(y), total);
  };
  const auto a = gradient(one, {"log_temperature"});
  const auto b = gradient(two, {"log_temperature_merge", "log_temperature_emit"});
  CHECK(a.first == b.first);
  CHECK(std::abs(b.second) > 1e-3);
  CHECK_THAT(a.second, WithinAbs(b.second, kDouble ? 1e-12 : 1e-4));
  CHECK_THROWS_WITH(make_router("mixture_of_tokens", site, {{"temperatures", "one"}}),
                    contains("set learned_temperature = true"));
}

}  // namespace moesim::testing
