// Tests the policy for second choices.
#include "sim/moe/policies/second_choices.hpp"

#include "tests/support/policy.hpp"

namespace moesim::testing {
namespace {

using Numbers = std::vector<std::int32_t>;

// Two tokens with three choices each, gates 0.5 0.3 0.2 and 0.7 0.2 0.1.
Numbers standing(const OptionValues& options, const Context& context) {
  const Tensor gates = table(2, 3, {0.5, 0.3, 0.2, 0.7, 0.2, 0.1});
  return policy<SecondChoices>(options)
      .standing(numbers({4, 1, 0, 2, 3, 1}), gates, context)
      .to_host();
}

}  // namespace

TEST_CASE("second choices: all, none, above a threshold", "[moe][policies]") {
  const Context evaluation;
  CHECK(standing({}, evaluation) == Numbers{4, 1, 0, 2, 3, 1});
  CHECK(standing({{"second_eval", "none"}}, evaluation) == Numbers{4, -1, -1, 2, -1, -1});
  CHECK(standing({{"second_eval", "threshold"}, {"second_threshold", "0.15"}}, evaluation) ==
        Numbers{4, 1, 0, 2, 3, -1});
}

TEST_CASE("second choices: with chance gate / threshold, by draws of their own",
          "[moe][policies]") {
  Context context;
  context.given = [](Purpose purpose, Shape shape) -> Tensor {
    CHECK(purpose == Purpose::second_choice);
    CHECK(shape == Shape{2, 2});
    return Tensor::of(shape, {0.59, 0.41, 0.39, 0.19}, test_backend());
  };
  // Chances 0.6 0.4 and 0.4 0.2.
  CHECK(standing({{"second_eval", "random"}, {"second_threshold", "0.5"}}, context) ==
        Numbers{4, 1, -1, 2, 3, 1});
}

TEST_CASE("second choices: training and evaluation have policies of their own", "[moe][policies]") {
  Context context;
  for (const bool training : {true, false}) {
    context.training = training;
    const Numbers only_first = {4, -1, -1, 2, -1, -1}, all = {4, 1, 0, 2, 3, 1};
    CHECK(standing({{"second", "none"}}, context) == (training ? only_first : all));
    CHECK(standing({{"second_eval", "none"}}, context) == (training ? all : only_first));
  }
}

}  // namespace moesim::testing
