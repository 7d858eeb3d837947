// Tests the routers with other scores by numbers worked out by hand: cosine, dselect_k, peer.
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// The gates [T, E] of a plan, zeros where a token is not sent.
std::vector<double> gates(const Routing& routing, index tokens, index experts) {
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host(),
                                  token = plan.token.to_host();
  const std::vector<double> gate = host(plan.gate);
  std::vector<double> all(static_cast<std::size_t>(tokens * experts));
  for (index e = 0; e < experts; ++e)
    for (auto i = static_cast<std::size_t>(offset[static_cast<std::size_t>(e)]);
         i < static_cast<std::size_t>(offset[static_cast<std::size_t>(e) + 1]); ++i)
      all[static_cast<std::size_t>(token[i] * experts + e)] += gate[i];
  return all;
}

void check(const std::vector<double>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK_THAT(got[i], WithinAbs(want[i], kDouble ? 1e-12 : 1e-5));
  }
}

std::string refusal(const char* name, index experts, const OptionValues& options) {
  return refusal_of([&] { make_router(name, {.width = 2, .experts = experts}, options); });
}

}  // namespace

TEST_CASE("cosine: the length of a token matters only if it is asked to", "[routers]") {
  const auto gate_of = [](const OptionValues& more, real length) {
    OptionValues options = {{"projection", "2"}, {"temperature", "0.25"}, {"bias", "false"}};
    options.insert(more.begin(), more.end());
    TinyLayer layer({.width = 2, .experts = 2, .batch = 1, .length = 1}, "cosine", options);
    layer.set("projection", {1, 0, 0, 1});
    layer.set("embedding", {2, 0, 0, 5});  // the axes
    if (layer.router->parameters().size() > 2)
      layer.set("log_scale", {static_cast<real>(-std::log(0.25))});
    const Tensor x = table(1, 2, {3 * length, 4 * length});
    return gates(layer.route(x), 1, 2);
  };
  // Cosines 0.6 and 0.8, over τ = 1/4: logits 2.4 and 3.2.
  const double p = 1 / (1 + std::exp(-0.8));
  check(gate_of({}, 1), {0, p});
  check(gate_of({}, 7), {0, p});
  check(gate_of({{"learned_temperature", "false"}}, 1), {0, p});
  // Times the length 5.
  check(gate_of({{"normalise_token", "false"}}, 1), {0, 1 / (1 + std::exp(-4.0))});
  CHECK_THAT(refusal("cosine", 4, {{"sampled", "true"}}), contains("needs k = 2"));
  CHECK_THAT(refusal("cosine", 4, {{"normalise", "sum"}}), contains("gate is always 1"));
}

TEST_CASE("cosine: gates renormalised after drops sum to 1 over what is left", "[routers]") {
  // Three tokens that rank the experts alike, two rows each.
  const auto all = [](const char* when) {
    TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 3}, "cosine",
                    {{"k", "2"},
                     {"projection", "1"},
                     {"bias", "false"},
                     {"normalise_token", "false"},
                     {"learned_temperature", "false"},
                     {"temperature", "1"},
                     {"capacity", "2"},
                     {"normalised", when}});
    layer.set("projection", {1});
    layer.set("embedding", {1, 1, -1});
    const std::vector<double> g = gates(layer.route(table(3, 1, {1, 1, 2})), 3, 3);
    return std::vector<double>(g.begin() + 6, g.end());
  };
  check(all("before"), {0, 0, 0});
  TinyLayer one({.width = 1, .experts = 2, .batch = 1, .length = 2}, "cosine",
                {{"k", "2"},
                 {"projection", "1"},
                 {"bias", "false"},
                 {"capacity", "1"},
                 {"fill", "choice"},
                 {"normalised", "after"}});
  one.set("projection", {1});
  one.set("embedding", {1, -1});
  // Token 0 wants expert 0, token 1 expert 1; second choices find no place.
  check(gates(one.route(table(2, 1, {1, -1})), 2, 2), {1, 0, 0, 1});
}

TEST_CASE("dselect_k: saturated bits choose one expert, others weigh it smoothly",
          "[router_rules]") {
  // One token of 1, one selector of two bits.
  const auto of = [](real high, real low) {
    TinyLayer layer({.width = 1, .experts = 4, .batch = 1, .length = 1}, "dselect_k",
                    {{"k", "1"}, {"gamma", "2"}});
    layer.set("z", {high, low});
    layer.set("z_bias", {0, 0});
    return layer;
  };
  TinyLayer chosen = of(1, -1);  // bits 1 and 0: expert 2
  const Routing sure = chosen.route(table(1, 1, {1}));
  check(gates(sure, 1, 4), {0, 0, 1, 0});
  CHECK(std::get<Assignment>(sure.plan).experts.rows == 1);
  // t = 0.5: v = 0.75, S = 3 · 0.5625 - 2 · 0.421875 = 0.84375.
  TinyLayer between = of(0.5, -5);
  const Routing routing = between.route(table(1, 1, {1}));
  check(gates(routing, 1, 4), {0.15625, 0, 0.84375, 0});
  REQUIRE(routing.losses.size() == 1);
  const double entropy = -(0.15625 * std::log(0.15625 + 1e-6) + 0.84375 * std::log(0.84375 + 1e-6));
  CHECK_THAT(routing.losses[0].value.item(), WithinAbs(entropy, kDouble ? 1e-12 : 1e-5));
}

TEST_CASE("dselect_k: mass on codes without an expert has a finite loss", "[router_rules]") {
  TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 1}, "dselect_k",
                  {{"k", "1"}, {"entropy_weight", "0"}});
  layer.set("z", {5, 5});  // code 3
  layer.set("z_bias", {0, 0});
  const Routing lost = layer.route(table(1, 1, {1}));
  CHECK(std::get<Assignment>(lost.plan).experts.rows == 0);
  REQUIRE(lost.losses.size() == 1);
  CHECK_THAT(lost.losses[0].value.item(), WithinAbs(1e6, 1));
  CHECK_THAT(refusal("dselect_k", 1, {}), contains("two experts"));
}

TEST_CASE("peer: two halves of keys choose, and heads that agree share a row", "[router_rules]") {
  // N = 4 = 2 · 2; q = x for both halves and heads.
  TinyLayer layer({.width = 1, .experts = 4, .batch = 1, .length = 1}, "peer",
                  {{"heads", "2"}, {"k", "2"}, {"key_width", "1"}});
  for (const char* name : {"query_first", "query_second"}) layer.set(name, {1, 1});
  layer.set("keys_first", {3, 1, 0, 9});     // head 0: 3 or 1; head 1: 0 or 9
  layer.set("keys_second", {0, 0.5, 0, 2});  // head 0: 0 or 0.5; head 1: 0 or 2
  // Head 0: 3.5 (expert 1) and 3 (expert 0); head 1: 11 (expert 3) and 9 (expert 2).
  const double a = 1 / (1 + std::exp(-0.5)), b = 1 / (1 + std::exp(-2.0));
  check(gates(layer.route(table(1, 1, {1})), 1, 4), {1 - a, a, 1 - b, b});
  layer.set("keys_first", {3, 1, 3, 1});
  const Routing routing = layer.route(table(1, 1, {1}));
  // Head 1: 5 (expert 1) and 3 (expert 0).
  check(gates(routing, 1, 4), {1 - a + 1 - b, a + b, 0, 0});
  CHECK(std::get<Assignment>(routing.plan).experts.rows == 2);
  CHECK(std::get<Assignment>(routing.plan).demand.to_host() ==
        std::vector<std::int32_t>{1, 1, 0, 0});

  CHECK(make_router("peer", {.width = 2, .experts = 12}, {})->traits().expert_groups == 3);
  CHECK_THAT(refusal("peer", 6, {{"first_keys", "4"}}), contains("does not divide"));
  CHECK_THAT(refusal("peer", 4, {{"k", "1"}}), contains("gates = relu"));
  CHECK_THAT(refusal("peer", 16, {{"k", "3"}, {"candidates", "1"}}), contains("fewer than k"));
}

}  // namespace moesim::testing
