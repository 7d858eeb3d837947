// Tests the policies of penalties and device losses.
#include "sim/moe/policies/penalties.hpp"

#include "sim/moe/policies/device_losses.hpp"
#include "tests/support/policy.hpp"

namespace moesim::testing {
namespace {

std::string names(const std::vector<Loss>& losses) {
  std::string all;
  for (const Loss& loss : losses) all += loss.name + " ";
  return all;
}

std::vector<Loss> penalties(const OptionValues& options) {
  std::vector<Loss> losses;
  policy<Penalties>(options).add_to(losses, table(2, 2, {0.5, 0.5, 0.5, 0.5}),
                                    table(2, 2, {1, 0, 0, 2}));
  return losses;
}

std::string penalty_refusal(const OptionValues& options) {
  return refusal_of([&] { policy<DeviceLosses>(options, index(2), index(6)); });
}

}  // namespace

TEST_CASE("penalties: each loss by its weight", "[moe][policies]") {
  CHECK(penalties({}).empty());
  const std::vector<Loss> all = penalties({{"entropy_weight", "-0.5"},
                                           {"marginal_entropy_weight", "2"},
                                           {"orthogonal_weight", "3"},
                                           {"orthogonal", "gram"},
                                           {"weight_penalty", "4"}});
  REQUIRE(names(all) == "entropy marginal_entropy orthogonal weight ");
  const double close = 1e-8, entropy = std::log(2);
  const std::vector<double> weight = {-0.5, 2, 3, 4}, value = {entropy, -entropy, 3, 2.5};
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK_THAT(all[i].weight, WithinAbs(weight[i], close));
    CHECK_THAT(all[i].value.item(), WithinAbs(value[i], close));
  }
  // The columns are orthogonal.
  CHECK_THAT(penalties({{"orthogonal_weight", "1"}}).at(0).value.item(), WithinAbs(0, 1e-5));
}

TEST_CASE("device losses: refusals, and groups of experts", "[moe][policies]") {
  CHECK(penalty_refusal({}) == "accepted");
  CHECK(penalty_refusal({{"devices", "3"}, {"device_weight", "1"}, {"token_devices", "2"}}) ==
        "accepted");
  CHECK_THAT(penalty_refusal({{"devices", "4"}}), contains("does not divide the 6 experts"));
  CHECK_THAT(penalty_refusal({{"device_weight", "1"}}), contains("set more of them"));
  CHECK_THAT(penalty_refusal({{"devices", "2"}, {"token_devices", "3"}}),
             contains("only 2 devices"));
  const auto groups = [](const OptionValues& options) {
    return policy<DeviceLosses>(options, index(2), index(6)).devices();
  };
  CHECK(groups({{"devices", "3"}}) == 1);
  CHECK(groups({{"devices", "3"}, {"communication_weight", "1"}}) == 3);
}

}  // namespace moesim::testing
