// Compares an MoE layer of latent width with Nemotron-H (Hugging Face).
#include "sim/core/tape.hpp"
#include "sim/moe/layer.hpp"
#include "sim/ops/ops.hpp"
#include "tests/oracle/parts.hpp"
#include "tests/support/catch.hpp"

namespace moesim::testing {
namespace {

void latent_moe(Oracle& oracle) {
  const Site site{.width = oracle.integer("d_model"),
                  .experts = oracle.integer("num_experts"),
                  .batch = oracle.integer("batch"),
                  .length = oracle.integer("seq")};
  const index latent = oracle.integer("latent"), T = site.batch * site.length;
  auto router = make_router("bias_balanced", site,
                            {{"k", option(oracle.number("top_k"))},
                             {"groups", option(oracle.number("n_groups"))},
                             {"top_groups", option(oracle.number("topk_groups"))},
                             {"normalise", oracle.integer("norm_topk_prob") != 0 ? "sum" : "none"},
                             {"scale", option(oracle.number("route_scale"))},
                             {"allow_constant_gate", "true"},
                             {"balance_weight", "0"}});
  const OptionValues mlp = {{"activation", "relu_squared"}, {"bias", "none"}};
  auto experts = make_expert(
      "mlp", {.width = latent, .experts = site.experts, .hidden = oracle.integer("d_ff")}, mlp);
  auto shared = make_expert(
      "mlp",
      {.width = site.width, .experts = 1, .hidden = oracle.input("params/shared/up").dims.front()},
      mlp);
  MoeLayer layer(std::move(router), std::move(experts), std::move(shared), false, site.width,
                 latent);
  const auto of = [&](const char* name) { return parameter_of(layer, name); };
  const std::vector<Part> parts = {
      {.stored = "router_weight", .value = of("router.weight"), .turned = true},
      {.stored = "latent_down", .value = of("latent_down"), .turned = true},
      {.stored = "latent_up", .value = of("latent_up"), .turned = true},
      {.stored = "experts/up", .value = of("experts.w1"), .turned = true},
      {.stored = "experts/down", .value = of("experts.w2"), .turned = true},
      {.stored = "shared/up", .value = of("shared.w1"), .turned = true},
      {.stored = "shared/down", .value = of("shared.w2"), .turned = true}};
  for (const Part& part : parts) part.load(oracle);
  initialise(layer.buffers(), test_backend(), 0);
  layer.buffers().at(0).value.from_host(oracle.values("params_nograd/expert_bias"));

  Context context;
  Routing routing;
  context.on_routing = [&](index, const Routing& seen) { routing = seen; };
  const Tensor x = oracle.tensor("x", {T, site.width}, test_backend());
  x.set_wants_gradient(true);
  Tape tape;
  const Tape::Scope scope(&tape);
  std::vector<Loss> losses;
  const Tensor y = layer.forward(tokens_of(x, site.batch, site.length, {}, context), losses);
  oracle.compare("y", y);
  tape.backward(y, oracle.tensor("dy", {T, site.width}, test_backend()));
  oracle.compare("grad/x", gradient_or_zeros(x));
  for (const Part& part : parts) part.compare_gradient(oracle);
  oracle.compare("routing/logits", matmul(x, of("router.weight")));
  compare_choices(oracle, sent(routing, T, site.experts));
}

}  // namespace

TEST_CASE("oracle: latent_moe", "[oracle]") { check_oracles("latent_moe", latent_moe); }

}  // namespace moesim::testing
