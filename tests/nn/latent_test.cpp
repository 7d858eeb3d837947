// Tests MoE layers whose routed experts have a latent width.
#include "sim/ops/ops.hpp"
#include "tests/support/policy.hpp"

namespace moesim::testing {
namespace {

// y of a layer of width 3 with experts of width 2, and two projections that are 0 but for `up`.
Tensor output_of(const std::string& router, const OptionValues& options, real up, const Tensor& x) {
  const Site site{.width = 3, .experts = 2, .batch = 1, .length = 2};
  MoeLayer layer(make_router(router, site, options),
                 make_expert("affine", {.width = 2, .experts = 2, .hidden = 0}), nullptr, false, 3,
                 2);
  initialise(layer.parameters(), test_backend(), 1);
  initialise(layer.buffers(), test_backend(), 1);
  parameter_of(layer, "latent_up").from_host(std::vector<real>(6, up));
  parameter_of(layer, "latent_down").from_host({1, 0, 0, 1, 0, 0});  // z = x_0, x_1
  parameter_of(layer, "experts.w").from_host({1, 0, 0, 1, 1, 0, 0, 1});
  CHECK(layer.latent_flops() == 24);
  Context context;
  std::vector<Loss> losses;
  return layer.forward(tokens_of(x, 1, 2, {}, context), losses);
}

}  // namespace

TEST_CASE("latent: experts work between two projections", "[nn]") {
  const Tensor x = table(2, 3, {1, 2, 3, 4, 5, 6});
  // Every expert is the identity of z: y = 10 · (x_0 + x_1) at every place; gates sum to 1.
  check_values(output_of("token_choice", {{"k", "2"}, {"capacity_factor_eval", "0"}}, 10, x),
               {30, 30, 30, 90, 90, 90});
}

TEST_CASE("latent: what passes around the experts keeps the width of the model", "[nn]") {
  const Tensor x = table(2, 3, {1, 2, 3, 4, 5, 6});
  // All choices are identity or experts of gates that sum to 1; without experts' outputs, the rest.
  const OptionValues options = {{"k", "3"}, {"identity_experts", "1"}, {"scores", "softmax"}};
  const std::vector<double> y = host(output_of("bias_balanced", options, 0, x));
  for (std::size_t t = 0; t < 2; ++t) {
    const double share = y[3 * t] / static_cast<double>(host(x)[3 * t]);
    CHECK(share > 0.2);
    CHECK(share < 0.5);
    for (std::size_t d = 0; d < 3; ++d)
      CHECK_THAT(y[3 * t + d], WithinAbs(share * host(x)[3 * t + d], 1e-6));
  }
}

}  // namespace moesim::testing
