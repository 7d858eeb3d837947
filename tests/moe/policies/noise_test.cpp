// Tests the noise policy: jitter, gaussian, learned.
#include "sim/moe/policies/noise.hpp"

#include "tests/support/policy.hpp"

#include <algorithm>
#include <cmath>

namespace moesim::testing {
namespace {

Context context_of(bool training, Purpose purpose, const std::vector<real>& draws) {
  Context context;
  context.training = training;
  context.given = [=](Purpose of, Shape shape) -> Tensor {
    return of == purpose ? Tensor::of(shape, draws, test_backend()) : Tensor{};
  };
  return context;
}

const Context kNormal = context_of(true, Purpose::router_noise, {1, -1, 2, 0});

// Logits of one token and four experts, of an input of width 1 whose only value is 1.
Noisy noisy(const OptionValues& options, const Context& context, const Tensor& weight = {}) {
  Settings settings;
  Options defaults(settings, "policy");
  return policy<Noise>(options).add_to(table(1, 4, {1, 2, 3, 4}), table(1, 1, {1}), weight,
                                       Format(defaults), context);
}

}  // namespace

TEST_CASE("noise: gaussian, of a deviation that is shared out among the experts",
          "[moe][policies]") {
  const Noisy got = noisy({{"noise", "gaussian"}, {"noise_std", "2"}}, kNormal);  // 2 / 4
  check_values(got.deviation, {0.5, 0.5, 0.5, 0.5});
  check_values(got.logits, {1.5, 1.5, 4, 4});
}

TEST_CASE("noise: learned, softplus(x W) + epsilon", "[moe][policies]") {
  const Noisy got =
      noisy({{"noise", "learned"}, {"noise_epsilon", "0.25"}}, kNormal, table(1, 4, {0, 0, 1, 0}));
  const double zero = std::log(2) + 0.25, one = std::log(1 + std::exp(1)) + 0.25;
  check_values(got.deviation, {zero, zero, one, zero});
  check_values(got.logits, {1 + zero, 2 - zero, 3 + 2 * one, 4});
}

TEST_CASE("noise: none in evaluation, and none by default", "[moe][policies]") {
  for (const Noisy& got :
       {noisy({}, kNormal),
        noisy({{"noise", "gaussian"}}, context_of(false, Purpose::router_noise, {}))}) {
    CHECK_FALSE(got.deviation);
    check_values(got.logits, {1, 2, 3, 4});
  }
}

TEST_CASE("noise: jitter multiplies the input in training", "[moe][policies]") {
  const Tensor x = table(1, 2, {10, -20});
  const auto noise = policy<Noise>(OptionValues{{"jitter", "0.1"}});
  check_values(noise.jittered(x, context_of(true, Purpose::router_jitter, {0.9, 1.1})), {9, -22});
  check_values(noise.jittered(x, context_of(false, Purpose::router_jitter, {0.9, 1.1})), {10, -20});
  check_values(policy<Noise>(OptionValues{}).jittered(x, kNormal), {10, -20});
  Context drawn;
  drawn.training = true;
  // Of 64 uniform draws some are near either end of the interval.
  const Tensor ones = Tensor::full({64, 1}, 1, test_backend());
  const std::vector<double> factors = host(noise.jittered(ones, drawn));
  const auto [least, most] = std::minmax_element(factors.begin(), factors.end());
  CHECK((*least >= 0.9 && *least < 0.95 && *most > 1.05 && *most <= 1.1));
  CHECK(std::find(factors.begin(), factors.end(), 1.0) == factors.end());
}

TEST_CASE("noise: what a pass keeps", "[moe][policies]") {
  CHECK(policy<Noise>(OptionValues{}).kept_values() == 0);
  CHECK(policy<Noise>(OptionValues{{"noise", "gaussian"}}).kept_values() == 1.5);
  CHECK(policy<Noise>(OptionValues{{"noise", "learned"}}).kept_values() == 3);
}

}  // namespace moesim::testing
