// Tests default_moe, threshold, top_p and sparsemixer: state, numbers by hand, refusals.
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

Tensor state_of(TinyLayer& layer) { return layer.router->buffers().at(0).value; }

// A step of these micro-batches of one sequence.
void step(TinyLayer& layer, const std::vector<Tensor>& parts) {
  layer.context.training = true;
  StepLoad load = no_load(layer.router->traits(), test_backend());
  for (const Tensor& x : parts) {
    layer.site.length = x.rows();
    const Routing routing = layer.route(x);
    execute(routing, layer.tokens(x), *layer.expert);
    add(load, routing, x.rows());
  }
  layer.router->after_step({&load, 1}, 0);
}

}  // namespace

TEST_CASE("default MoE: a step averages the outputs of all micro-batches", "[routers][state]") {
  const auto made = [] {
    TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 3}, "default_moe",
                    {{"k", "1"}, {"decay", "0.75"}});
    layer.set("weight", {1, -1, 0});
    return layer;
  };
  TinyLayer layer = made();
  const Tensor x = table(3, 1, {1, 2, -1});  // experts 0, 0, 1; none chooses 2
  const double a = host(layer.apply_expert(0, x))[0], b = host(layer.apply_expert(0, x))[1],
               c = host(layer.apply_expert(1, x))[2];
  state_of(layer).from_host({0, 0, 7});
  step(layer, {x});
  check_values(state_of(layer), {(a + b) / 8, c / 4, 7});
  TinyLayer split = made();
  state_of(split).from_host({0, 0, 7});
  step(split, {table(1, 1, {1}), table(2, 1, {2, -1})});
  check_values(state_of(split), {(a + b) / 8, c / 4, 7});
}

TEST_CASE("threshold: takes scores above it, and moves to the C-th largest",
          "[router_rules][state]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 4}, "threshold",
                  {{"decay", "0.75"}});
  layer.set("weight", {1, -1});
  const Tensor x = table(4, 1, {1, 2, 3, -1});
  const Routing routing = layer.route(x);
  const auto& plan = std::get<Assignment>(routing.plan);
  CHECK(plan.token.to_host() == std::vector<std::int32_t>{0, 1, 2, 3});
  CHECK(plan.experts.offset.to_host() == std::vector<std::int32_t>{0, 3, 4});
  step(layer, {x});  // C = 2: the second largest logits are 2 and -1
  const auto sigmoid = [](double l) { return 1 / (1 + std::exp(-l)); };
  check_values(state_of(layer), {0.75 * 0.5 + 0.25 * sigmoid(2), 0.75 * 0.5 + 0.25 * sigmoid(-1)});
}

TEST_CASE("top-p: the expert that crosses p is taken", "[router_rules]") {
  const auto taken = [](const char* p, const char* rule) {
    TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 1}, "top_p",
                    {{"p", p}, {"rule", rule}});
    layer.set("weight", {static_cast<real>(std::log(5.0)), static_cast<real>(std::log(3.0)),
                         static_cast<real>(std::log(2.0))});  // 0.5, 0.3, 0.2
    const Routing routing = layer.route(table(1, 1, {1}));
    return std::get<Assignment>(routing.plan).experts.rows;
  };
  CHECK(taken("0.4", "sum") == 1);
  CHECK(taken("0.6", "sum") == 2);
  CHECK(taken("0.85", "sum") == 3);
  CHECK(taken("1", "sum") == 3);
  CHECK(taken("0.25", "threshold") == 2);
  CHECK(taken("0.6", "threshold") == 0);
}

TEST_CASE("densemixer: every expert in training, k in evaluation, the same output", "[routers]") {
  TinyLayer layer({.width = 3, .experts = 4, .batch = 1, .length = 5}, "densemixer", {});
  const Tensor x = layer.input();
  const std::vector<double> y = host(layer.run(x));
  CHECK(std::get<Assignment>(layer.route(x).plan).experts.rows == 10);
  layer.context.training = true;
  CHECK(std::get<Assignment>(layer.route(x).plan).experts.rows == 20);
  check_values(layer.run(x), y);
}

TEST_CASE("sparsemixer: version 1 takes one expert", "[routers]") {
  CHECK_THAT(
      refusal_of([] {
        make_router("sparsemixer", {.width = 2, .experts = 4}, {{"version", "1"}, {"k", "2"}});
      }),
      contains("version = 2"));
}

}  // namespace moesim::testing
