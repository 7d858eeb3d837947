// Tests dropout on the hidden values of experts: expectation, order of rows, and what has none.
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/kept.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

constexpr index kDropWidth = 3, kDropExperts = 2, kDropHidden = 8, kDropTokens = 5;

struct DroppingBank {
  std::unique_ptr<Expert> expert;
  explicit DroppingBank(const std::string& name, real rate, index number = 0)
      : expert(make_expert(name, {.width = kDropWidth,
                                  .experts = kDropExperts,
                                  .hidden = kDropHidden,
                                  .output_scale = 1,
                                  .dropout = rate,
                                  .bank = number})) {
    std::uint32_t key = 1;
    for (const Parameter& p : expert->parameters()) {
      p.value.allocate(test_backend());
      p.value.from_host(normal_values(p.value.size(), key++));
    }
  }
};

// The output rows of experts for these tokens, `first` of them at expert 0.
std::vector<real> outputs(const DroppingBank& bank, Context& context,
                          const std::vector<std::int32_t>& token, std::int32_t first) {
  Backend& backend = test_backend();
  const Tensor x =
      Tensor::of({kDropTokens, kDropWidth}, normal_values(kDropTokens * kDropWidth, 99), backend);
  const Tokens tokens = tokens_of(x, 1, kDropTokens, {}, context);
  const auto rows = static_cast<std::int32_t>(token.size());
  const Indices of = Indices::of(token, backend);
  return bank.expert
      ->apply({.x = gather_rows(x, of),
               .segments = {.offset = Indices::of({0, first, rows}, backend), .rows = rows},
               .token = of,
               .tokens = &tokens})
      .to_host();
}

std::vector<std::string> with_units() {
  std::vector<std::string> names;
  for (const std::string& name : Registry<Expert>::names())
    if (make_expert(name, {.width = kDropWidth, .experts = kDropExperts, .hidden = kDropHidden})
            ->hidden_units()
            .any())
      names.push_back(name);
  return names;
}

TEST_CASE("expert dropout: by token and expert, whatever the order of rows", "[nn][moe]") {
  REQUIRE(with_units().size() >= 3);
  for (const std::string& name : with_units()) {
    CAPTURE(name);
    const DroppingBank bank(name, real(0.5));
    Context training{.training = true, .seed = 3, .step = 4};
    const std::vector<real> rows = outputs(bank, training, {0, 1, 2, 1, 4}, 3);
    // Expert 0: tokens 2, 0, 1; expert 1: tokens 4, 3, 1.
    const std::vector<real> other = outputs(bank, training, {2, 0, 1, 4, 3, 1}, 3);
    const std::vector<std::size_t> place = {1, 2, 0, 5, 3};
    for (std::size_t i = 0; i < place.size(); ++i)
      for (std::size_t c = 0; c < kDropWidth; ++c)
        CHECK(rows[i * kDropWidth + c] == other[place[i] * kDropWidth + c]);
    Context later = training, evaluation = training;
    later.step = 5, evaluation.training = false;
    CHECK(outputs(bank, later, {0, 1, 2, 1, 4}, 3) != rows);
    CHECK(outputs(DroppingBank(name, real(0.5), 1), training, {0, 1, 2, 1, 4}, 3) != rows);
    const std::vector<real> plain = outputs(DroppingBank(name, 0), training, {0, 1, 2, 1, 4}, 3);
    CHECK(plain != rows);
    CHECK(outputs(bank, evaluation, {0, 1, 2, 1, 4}, 3) == plain);
  }
}

TEST_CASE("expert dropout: its expectation is the output without", "[nn]") {
  constexpr int kDraws = 10000;
  for (const std::string& name : with_units()) {
    CAPTURE(name);
    const DroppingBank bank(name, real(0.3));
    Context context{.training = true, .seed = 1};
    const std::vector<real> want = outputs(DroppingBank(name, 0), context, {0, 3, 3}, 2);
    std::vector<double> sum(want.size()), squares(want.size());
    for (int draw = 0; draw < kDraws; ++draw) {
      context.step = draw;
      const std::vector<real> y = outputs(bank, context, {0, 3, 3}, 2);
      for (std::size_t i = 0; i < y.size(); ++i) {
        const auto value = static_cast<double>(y[i]);
        sum[i] += value, squares[i] += value * value;
      }
    }
    for (std::size_t i = 0; i < want.size(); ++i) {
      const double mean = sum[i] / kDraws, variance = squares[i] / kDraws - mean * mean;
      CHECK(std::abs(mean - static_cast<double>(want[i])) < 4 * std::sqrt(variance / kDraws));
    }
  }
}

TEST_CASE("expert dropout: a rate of 0 changes no bit, another rate trains", "[train]") {
  for (const char* router : {"token_choice", "expert_choice", "dense", "smear"}) {
    CAPTURE(router);
    const auto trained = [&](const Values& more) {
      Training training(with({"router.name", router, "moe.shared", "1"}, more), 1);
      training.run();
      return training.fingerprint();
    };
    CHECK(trained({"expert.dropout", "0"}) == trained({}));
    CHECK(trained({"expert.dropout", "0.4"}) != trained({}));
  }
  const auto refused = [](const Values& values, const std::string& message) {
    CHECK_THROWS_WITH(Training(with({"expert.dropout", "0.1"}, values), 1), contains(message));
  };
  refused({"router.name", "soft"}, "mixes tokens");
  refused({"router.name", "token_choice", "expert.name", "affine"}, "has no hidden units");
  refused({"router.name", "mixture_of_depths", "moe.at", "block"}, "have no dropout");
}

}  // namespace
}  // namespace moesim::testing
