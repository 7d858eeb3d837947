// Tests relu: its experts, its loss and the adaptation of λ.
#include "sim/core/error.hpp"
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

Tensor lambda_of(const Router& router) {
  for (const Parameter& buffer : router.buffers())
    if (buffer.name == "lambda") return buffer.value;
  fail(Exit::internal, "there is no lambda");
}

// Logits of three tokens 1, -1, 2: x · (1, -1, 0.5).
TinyLayer layer_of(const OptionValues& options) {
  TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 3}, "relu", options);
  layer.set("weight", {1, -1, 0.5});
  return layer;
}
Tensor three() { return table(3, 1, {1, -1, 2}); }

double after(const std::vector<std::vector<std::int32_t>>& demands, index tokens,
             const OptionValues& options) {
  TinyLayer layer = layer_of(options);
  std::vector<StepLoad> layers;
  for (const auto& demand : demands) {
    layers.emplace_back();
    layers.back().demand = numbers(demand), layers.back().tokens = tokens;
  }
  layer.router->after_step(layers, 0);
  return static_cast<double>(lambda_of(*layer.router).item());
}

}  // namespace

TEST_CASE("relu: every expert of positive gate, and no other", "[routers]") {
  TinyLayer layer = layer_of({});
  const Routing routing = layer.route(three());
  const auto& plan = std::get<Assignment>(routing.plan);
  using Numbers = std::vector<std::int32_t>;
  const Numbers offset = plan.experts.offset.to_host();
  CHECK(offset == Numbers{0, 2, 3, 5});
  CHECK(plan.demand.to_host() == Numbers{2, 1, 2});
  Numbers token = plan.token.to_host();
  token.resize(5);  // a device pads
  CHECK(token == Numbers{0, 2, 1, 0, 2});
  std::vector<double> gate = host(plan.gate);
  gate.resize(5);
  CHECK(gate == std::vector<double>{1, 2, 1, 0.5, 1});
}

TEST_CASE("relu: tokens without any expert get nothing", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 2}, "relu", {});
  layer.set("weight", {1, 1});
  CHECK(host(layer.run(table(2, 1, {-1, -2}))) == std::vector<double>{0, 0});
}

TEST_CASE("relu: the loss is λ E / (k T²) Σ n Σ g", "[routers]") {
  // n = 2 1 2, Σ g = 3 1 1.5, E / (k T²) = 3 / 18: 10 / 6, times λ.
  TinyLayer layer = layer_of({{"k", "2"}, {"lambda_start", "0.5"}});
  const Routing routing = layer.route(three());
  REQUIRE(routing.losses.size() == 1);
  CHECK(routing.losses[0].name == "l1");
  CHECK_THAT(routing.losses[0].weight * static_cast<double>(routing.losses[0].value.item()),
             WithinAbs(10.0 / 12, kDouble ? 1e-12 : 1e-6));
}

TEST_CASE("relu: λ and the share of gates that are 0 are recorded", "[routers]") {
  TinyLayer layer = layer_of({{"lambda_start", "0.5"}});
  const Routing routing = layer.route(three());
  REQUIRE(routing.metrics.size() == 2);
  CHECK(routing.metrics[0].name == "lambda");
  CHECK(routing.metrics[0].value.item() == real(0.5));
  CHECK(routing.metrics[1].name == "sparsity");
  CHECK_THAT(static_cast<double>(routing.metrics[1].value.item()),
             WithinAbs(4.0 / 9, kDouble ? 1e-12 : 1e-6));
}

TEST_CASE("relu: λ grows while more experts than k are taken over all layers", "[routers]") {
  const OptionValues options = {{"lambda_start", "1"}, {"lambda_growth", "1.5"}};
  const double close = kDouble ? 1e-12 : 1e-6;
  // Three experts, four tokens: k = 1 is 4 of 12.
  CHECK_THAT(after({{4, 1, 0}}, 4, options), WithinAbs(1.5, close));
  CHECK_THAT(after({{1, 1, 1}}, 4, options), WithinAbs(1 / 1.5, close));
  CHECK_THAT(after({{4, 1, 0}, {1, 0, 0}}, 4, options), WithinAbs(1 / 1.5, close));  // 3 on average
  CHECK_THAT(after({{1, 0, 0}, {4, 4, 0}}, 4, options), WithinAbs(1.5, close));
}

}  // namespace moesim::testing
