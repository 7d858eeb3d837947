// Tests the gate policy.
#include "sim/moe/policies/gates.hpp"

#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// Two tokens, three experts: the first chooses experts 0 and 2, the second 1 and 0.
const std::vector<real> kScores = {0.5, 0.125, 0.375, 0.3, 0.6, 0.1};

std::vector<double> gates(const OptionValues& options, index k = 2) {
  const Tensor scores = table(2, 3, kScores);
  std::vector<real> logits = kScores;  // any others than the scores
  for (real& value : logits) value = real(2) * value;
  const Indices choice = k == 2 ? numbers({0, 2, 1, 0}) : numbers({0, 1});
  const Tensor got = policy<Gates>(options, k).of(table(2, 3, logits), scores, choice);
  CHECK(got.shape() == Shape{2, k});
  return host(got);
}

void check_gates(const OptionValues& options, const std::vector<double>& want, index k = 2) {
  const std::vector<double> got = gates(options, k);
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) CHECK_THAT(got[i], WithinAbs(want[i], 1e-14));
}

std::string refusal(const OptionValues& values, index k) {
  return refusal_of([&] {
    Settings settings;
    for (const auto& [key, value] : values) settings.set("policy." + key, value, "test");
    Options options(settings, "policy");
    Gates(options, k).reject_constant(options);
  });
}

}  // namespace

TEST_CASE("gates: scores of the chosen, as they are or divided", "[moe][policies]") {
  check_gates({{"normalise", "none"}}, {0.5, 0.375, 0.6, 0.3});
  check_gates({{"normalise", "sum"}}, {0.5 / 0.875, 0.375 / 0.875, 0.6 / 0.9, 0.3 / 0.9});
  check_gates({{"normalise", "sum"}, {"normalise_epsilon", "0.1"}},
              {0.5 / 0.975, 0.375 / 0.975, 0.6, 0.3});
  check_gates({{"normalise", "l2"}},  // √(0.25 + 0.140625) = 0.625, √(0.36 + 0.09) = √0.45
              {0.8, 0.6, 0.6 / std::sqrt(0.45), 0.3 / std::sqrt(0.45)});
  // auto: the sum where a token has several experts.
  CHECK(gates({}) == gates({{"normalise", "sum"}}));
  CHECK(gates({}, 1) == gates({{"normalise", "none"}}, 1));
}

TEST_CASE("gates: a softmax over the logits of the chosen", "[moe][policies]") {
  // Logits 1 and 0.75, 1.2 and 0.6.
  const double first = 1 / (1 + std::exp(-0.25)), second = 1 / (1 + std::exp(-0.6));
  check_gates({{"softmax", "after"}}, {first, 1 - first, second, 1 - second});
}

TEST_CASE("gates: what is always 1, or has no effect, is rejected", "[moe][policies]") {
  CHECK(refusal({}, 1) == "accepted");
  CHECK(refusal({{"softmax", "after"}}, 2) == "accepted");
  CHECK_THAT(refusal({{"softmax", "after"}}, 1), contains("policy.softmax"));
  CHECK_THAT(refusal({{"normalise", "l2"}}, 1), contains("gate is always 1"));
  CHECK(refusal({{"normalise", "l2"}, {"allow_constant_gate", "true"}}, 1) == "accepted");
  CHECK_THAT(refusal({{"softmax", "after"}, {"normalise_epsilon", "0.1"}}, 2),
             contains("policy.normalise_epsilon"));
}

}  // namespace moesim::testing
