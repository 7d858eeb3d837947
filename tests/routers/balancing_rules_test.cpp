// Tests rules of bias_balanced besides the sign rule: quantiles, identity experts, and hash layers.
#include "tests/support/policy.hpp"

#include <cmath>
#include <set>

namespace moesim::testing {
namespace {

const char* const kBalanced = "bias_balanced";

// Tokens are unit vectors, so that the rows of the weight are their logits. [T, n]
TinyLayer layer_of(index tokens, index experts, OptionValues options,
                   const std::vector<real>& logits) {
  TinyLayer layer({.width = tokens, .experts = experts, .batch = 1, .length = tokens}, kBalanced,
                  options);
  layer.set("weight", logits);
  layer.context.training = true;
  return layer;
}

Tensor unit(index n) {
  std::vector<real> values(static_cast<std::size_t>(n * n), 0);
  for (index i = 0; i < n; ++i) values[static_cast<std::size_t>(i * (n + 1))] = 1;
  return table(n, n, values);
}

Tensor state_of(const TinyLayer& layer) { return layer.router->buffers().at(0).value; }

// The bias after a step of these tokens, `times` over as micro-batches.
std::vector<double> after_step(TinyLayer& layer, int times = 1) {
  StepLoad load = no_load(layer.router->traits(), test_backend());
  for (int i = 0; i < times; ++i) add(load, layer.route(unit(layer.site.width)), layer.site.width);
  layer.router->after_step({&load, 1}, 0);
  return host(state_of(layer));
}

void check_near(const std::vector<double>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK_THAT(got[i], WithinAbs(want[i], kDouble ? 1e-12 : 1e-6));
  }
}

real logit(double p) { return static_cast<real>(std::log(p / (1 - p))); }

std::string rule_refusal(const OptionValues& options, index vocabulary = 0) {
  return refusal_of([&] {
    make_router(kBalanced, {.width = 2, .experts = 4, .vocabulary = vocabulary}, options);
  });
}

}  // namespace

// Cut-offs 0 of all tokens; of logits - cut-off the third largest are 1 and 0.
TEST_CASE("bias balanced: the bias becomes the exact quantile of logits", "[routers]") {
  const OptionValues options = {
      {"k", "1"}, {"bias_update", "quantile"}, {"bias_on", "logits"}, {"balance_weight", "0"}};
  const std::vector<real> logits = {3, 0, 2, 0, 1, 0, 0, 1};
  TinyLayer layer = layer_of(4, 2, options, logits);
  check_near(after_step(layer), {-0.5, 0.5});
  TinyLayer twice = layer_of(4, 2, options, logits);
  check_near(after_step(twice, 2), {-0.5, 0.5});
  OptionValues slow = options;
  slow["bias_average"] = "0.75";
  TinyLayer averaged = layer_of(4, 2, slow, logits);
  state_of(averaged).from_host({-0.5, 0.5});  // cut-offs 0.5, 0.5, 0.5, -0.5
  check_near(after_step(averaged), {-0.5, 0.5});
  state_of(averaged).from_host({0.25, -0.25});  // logits - cut-off: 3.25 ..., 0.25 | 0.25 ...
  const std::vector<double> moved = after_step(averaged);
  CHECK(moved[0] < 0.25);
  CHECK_THAT(moved[0] + moved[1], WithinAbs(0, 1e-6));
}

// Required biases -0.8, -0.6, -0.4, 0 and 0, 0, 0, -0.2 in bins of 0.5 from -1: half of the tokens
// are below -1 + 0.5 · 1 and -1 + 0.5 · (2 + 1/3).
TEST_CASE("bias balanced: the bias becomes a quantile within bins of scores", "[routers]") {
  const OptionValues options = {{"k", "1"},
                                {"scores", "softmax"},
                                {"bias_bins", "4"},
                                {"bias_update", "histogram"},
                                {"balance_weight", "0"}};
  const std::vector<real> logits = {logit(0.9), 0, logit(0.8), 0, logit(0.7), 0, logit(0.4), 0};
  for (const int times : {1, 3}) {
    TinyLayer layer = layer_of(4, 2, options, logits);
    check_near(after_step(layer, times), {-1.0 / 3, 1.0 / 3});
  }
}

TEST_CASE("bias balanced: quantiles balance skewed tokens in one step", "[routers]") {
  for (const char* rule : {"quantile", "histogram"}) {
    CAPTURE(rule);
    std::vector<real> logits = normal_values(24 * 4, 3);
    for (std::size_t i = 0; i < logits.size(); i += 4) logits[i] += 2;  // expert 0 is preferred
    TinyLayer layer = layer_of(24, 4, {{"bias_update", rule}, {"bias_bins", "4000"}}, logits);
    const auto most = [&] {
      const Routing routing = layer.route(unit(24));
      const std::vector<std::int32_t> demand = std::get<Assignment>(routing.plan).demand.to_host();
      return *std::max_element(demand.begin(), demand.end());
    };
    CHECK(most() >= 20);
    for (int step = 0; step < 12; ++step) after_step(layer);
    CHECK(most() <= 14);  // 12 are even
  }
}

TEST_CASE("bias balanced: identity experts pass the token on by their gates", "[router_rules]") {
  // p = 1/2, 1/4, 1/4 and 1/8, 1/8, 3/4, as logits.
  const auto l = [](double p) { return static_cast<real>(std::log(p)); };
  OptionValues options = {{"k", "2"},
                          {"identity_experts", "1"},
                          {"scores", "softmax"},
                          {"scale", "4"},
                          {"normalise", "none"},
                          {"bias_speed", "0.5"},
                          {"balance_weight", "0"}};
  const std::vector<real> logits = {l(0.5), l(0.25), l(0.25), l(0.125), l(0.125), l(0.75)};
  TinyLayer layer = layer_of(2, 2, options, logits);
  state_of(layer).from_host({0, 0, real(0.1)});  // the first token chooses 0 and identity
  const Routing routing = layer.route(unit(2));
  const auto& plan = std::get<Assignment>(routing.plan);
  check_near(host(plan.bypass), {1, 3});
  check_near(host(plan.gate), {2, 0.5});
  CHECK(plan.demand.to_host() == std::vector<std::int32_t>{2, 0});
  REQUIRE(routing.metrics.size() == 1);
  CHECK(routing.metrics[0].name == "real_choices");
  check_near(host(routing.metrics[0].value), {1});
  CHECK_THAT(layer.router->traits().cost.rows_per_token, WithinAbs(4.0 / 3, 1e-12));
  // 2 · 4/3 / 2 = 4/3 choices of each expert are wanted; the identity expert keeps its bias.
  check_near(after_step(layer), {-0.5, 0.5, 0.1});
  options["real_choices"] = "2", options["bias_update"] = "proportional";
  TinyLayer all = layer_of(2, 2, options, logits);  // 2 choices of each are wanted, there are 2, 1
  check_near(after_step(all), {0, 0.25, 0});
}

TEST_CASE("bias balanced: a hash layer chooses by token id, and learns the gates", "[routers]") {
  Site site{.width = 3, .experts = 4, .batch = 2, .length = 3, .vocabulary = 5};
  TinyLayer layer(site, kBalanced, {{"k", "2"}, {"hash_layers", "1"}, {"normalise", "none"}});
  const Indices ids = numbers({1, 4, 1, 0, 4, 4});
  const auto plan = [&](std::uint32_t key) {
    const Routing routing =
        layer.router->route(tokens_of(layer.input(key), 2, 3, ids, layer.context));
    CHECK(routing.losses.empty());
    return std::get<Assignment>(routing.plan);
  };
  const auto experts_of = [&](const Assignment& p, std::int32_t token) {
    const std::vector<std::int32_t> tokens = p.token.to_host(), offset = p.experts.offset.to_host();
    std::set<std::size_t> found;
    for (std::size_t e = 0; e + 1 < offset.size(); ++e)
      for (std::int32_t i = offset[e]; i < offset[e + 1]; ++i)
        if (tokens[static_cast<std::size_t>(i)] == token) found.insert(e);
    return found;
  };
  const Assignment first = plan(1), second = plan(2);
  CHECK(experts_of(first, 0).size() == 2);
  CHECK(experts_of(first, 0) == experts_of(first, 2));
  CHECK(experts_of(first, 1) == experts_of(first, 5));
  CHECK(first.token.to_host() == second.token.to_host());
  CHECK(host(first.gate) != host(second.gate));
  const std::vector<double> before = host(state_of(layer));
  StepLoad load = no_load(layer.router->traits(), test_backend());
  load.tokens = 6;
  layer.router->after_step({&load, 1}, 0);
  CHECK(host(state_of(layer)) == before);
  site.layer = 1;  // the next block has a bias
  CHECK(make_router(kBalanced, site, {{"hash_layers", "1"}})->buffers().at(0).name == "bias");
}

TEST_CASE("bias balanced: rules that make no sense together are rejected", "[routers]") {
  CHECK_THAT(rule_refusal({{"hash_layers", "1"}}), contains("no token ids"));
  CHECK(rule_refusal({{"hash_layers", "1"}}, 9) == "accepted");
  CHECK_THAT(rule_refusal({{"bias_update", "quantile"}, {"groups", "2"}}),
             contains("know no groups"));
  CHECK_THAT(rule_refusal({{"identity_experts", "2"}, {"groups", "2"}}),
             contains("know no groups"));
  CHECK_THAT(rule_refusal({{"bias_update", "quantile"}, {"k", "4"}}), contains("no quantile"));
  CHECK_THAT(rule_refusal({{"bias_update", "histogram"}, {"scores", "sqrt_softplus"}}),
             contains("between 0 and 1"));
  CHECK_THAT(rule_refusal({{"bias_update", "histogram"}, {"bias_on", "logits"}}),
             contains("between 0 and 1"));
  CHECK_THAT(rule_refusal({{"bias_update", "quantile"}, {"real_choices", "1"}}),
             contains("equally frequent"));
}

}  // namespace moesim::testing
