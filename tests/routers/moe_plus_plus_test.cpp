// Tests moe_plus_plus: what no oracle shows.
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

const char* const kPlusPlus = "moe_plus_plus";

// One expert, one constant, one copy and one zero expert; one token (1), so that logits are the
// weights.
TinyLayer layer_of(OptionValues options, const std::vector<double>& p) {
  options["gate"] = "linear", options["constant_experts"] = "1";
  TinyLayer layer({.width = 1, .experts = 1, .batch = 1, .length = 1}, kPlusPlus, options);
  std::vector<real> logits;
  for (const double value : p) logits.push_back(static_cast<real>(std::log(value)));
  layer.set("weight", logits);
  layer.set("constant_weight", {static_cast<real>(std::log(3.0)), 0});  // a = 3/4, 1/4
  layer.set("constant", {8});
  return layer;
}

Assignment plan_of(TinyLayer layer) {
  return std::get<Assignment>(layer.route(table(1, 1, {1})).plan);
}

}  // namespace

TEST_CASE("moe++: the share of a zero expert goes to the other choice", "[router_rules]") {
  Assignment plan = plan_of(layer_of({}, {0.4, 0.1, 0.2, 0.3}));  // expert and zero
  check_values(plan.gate, {1});
  check_values(plan.bypass, {0});
  check_values(plan.addend, {0});
  plan = plan_of(layer_of({{"softmax", "after"}}, {0.4, 0.1, 0.2, 0.3}));
  check_values(plan.gate, {4.0 / 7});
  plan = plan_of(layer_of({{"zero_experts", "2"}}, {0.1, 0.1, 0.1, 0.3, 0.4}));  // both zero
  CHECK(plan.token.size() == 0);
  check_values(plan.bypass, {0});
}

TEST_CASE("moe++: copy and constant experts", "[router_rules]") {
  // Constant 0.6 and copy 0.4: 0.6 · (3/4 x + 1/4 · 8) + 0.4 x.
  Assignment plan = plan_of(layer_of({}, {0.1, 0.45, 0.3, 0.15}));
  CHECK(plan.token.size() == 0);
  check_values(plan.bypass, {0.85});
  check_values(plan.addend, {1.2});
  // Fed 2 x: a = softmax(2 log 3, 0) = 9/10, 1/10.
  plan = plan_of(layer_of({{"input_times_k", "true"}}, {0.1, 0.45, 0.3, 0.15}));
  check_values(plan.bypass, {2 * (0.6 * 0.9 + 0.4)});
  check_values(plan.addend, {0.6 * 0.1 * 8});
  plan = plan_of(layer_of({{"input_times_k", "true"}}, {0.4, 0.1, 0.3, 0.2}));
  check_values(plan.scale, {2});
}

TEST_CASE("moe++: the balance loss weighs free choices by tau", "[routers]") {
  // n/k Σ η f P with f = 1 of the expert and of copy.
  TinyLayer layer = layer_of({{"tau", "0.5"}}, {0.4, 0.1, 0.3, 0.2});
  const Routing routing = layer.route(table(1, 1, {1}));
  REQUIRE(routing.losses.size() == 1);
  check_values(routing.losses[0].value, {4.0 / 2 * (0.4 + 0.5 * 0.3)});
  check_values(routing.metrics.at(0).value, {1});
}

TEST_CASE("moe++: logits of the MoE layer before are added, from the second on", "[routers]") {
  Site site{.width = 1, .experts = 1, .batch = 1, .length = 1};
  const auto has_map = [&](const OptionValues& options) {
    for (const Parameter& p : make_router(kPlusPlus, site, options)->parameters())
      if (p.name == "map") return true;
    return false;
  };
  CHECK_FALSE(has_map({}));
  site.before = 1;
  CHECK(has_map({}));
  CHECK_FALSE(has_map({{"residual", "false"}}));
  TinyLayer layer(site, kPlusPlus, {{"gate", "linear"}, {"constant_experts", "0"}});
  layer.set("weight", {1, 2, 3});
  layer.set("map", {0, 1, 0, 0, 0, 1, 1, 0, 0});
  check_values(layer.route(table(1, 1, {1})).carry, {1, 2, 3});
  layer.context.carry = table(1, 3, {10, 20, 30});
  check_values(layer.route(table(1, 1, {1})).carry, {31, 12, 23});
}

TEST_CASE("moe++: one choice has a constant gate", "[routers]") {
  const auto refusal = [](const OptionValues& options) {
    return refusal_of([&] { make_router(kPlusPlus, {.width = 2, .experts = 4}, options); });
  };
  CHECK_THAT(refusal({{"k", "1"}}), contains("gate is always 1"));
  CHECK(refusal({{"k", "1"}, {"allow_constant_gate", "true"}}) == "accepted");
}

}  // namespace moesim::testing
