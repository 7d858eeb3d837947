// Tests the score policy.
#include "sim/moe/policies/scores.hpp"

#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {

TEST_CASE("scores: of logits 0 and log 3, and their shares", "[moe][policies]") {
  const Tensor logits = table(1, 2, {0, static_cast<real>(std::log(3.0))});
  const auto check = [&](const char* name, double first, double second, double sum) {
    const auto score = policy<ScoreFunction>(OptionValues{{"scores", name}});
    const Tensor scores = score.of(logits);
    check_values(scores, {first, second});
    check_values(score.shares(scores), {first / sum, second / sum});
    CHECK(score.is_softmax() == (std::string(name) == "softmax"));
  };
  check("sigmoid", 0.5, 0.75, 1.25);
  check("softmax", 0.25, 0.75, 1);
  const double a = std::sqrt(std::log(2.0)), b = std::sqrt(std::log(4.0));
  check("sqrt_softplus", a, b, a + b);
}

TEST_CASE("scores: shares of scores that are all 0 are 0", "[moe][policies]") {
  const auto score = policy<ScoreFunction>(OptionValues{});
  check_values(score.shares(table(1, 2, {0, 0})), {0, 0});
}

}  // namespace moesim::testing
