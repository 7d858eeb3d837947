// Tests the routers of attention: moa, switchhead and moh, by hand.
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

void check(const Tensor& got, const std::vector<double>& want) { check_values(got, want); }

}  // namespace

TEST_CASE("moa: a token attends by the query of its head, and sees no later keys", "[routers]") {
  // Two tokens, 1 and 2, width 1; head 1 wins.
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 2}, "moa",
                  {{"k", "1"}, {"normalise", "none"}, {"head_width", "1"}});
  layer.set("weight", {0, 1});
  layer.set("query", {9, 0.5});
  layer.set("key", {2});
  layer.set("value", {3});
  layer.set("output", {9, 10});
  const Tensor x = table(2, 1, {1, 2});
  // Scores of token 1: q = 1, keys 2 and 4, values 3 and 6.
  const double p0 = 1 / (1 + std::exp(-1.0)), p1 = 1 / (1 + std::exp(-2.0));
  const double second = 1 / (1 + std::exp(-2.0));
  check(layer.run(x), {p0 * 30, p1 * 10 * (3 * (1 - second) + 6 * second)});
  CHECK(std::get<Custom>(layer.route(x).plan).load == std::vector<double>{0, 2});

  TinyLayer both({.width = 1, .experts = 2, .batch = 1, .length = 2, .causal = false}, "moa",
                 {{"k", "1"}, {"normalise", "detached"}, {"head_width", "1"}});
  for (const auto& [name, values] :
       {std::pair("weight", std::vector<real>{0, 1}), std::pair("query", std::vector<real>{9, 0.5}),
        std::pair("output", std::vector<real>{9, 10})})
    both.set(name, values);
  both.set("key", {2}), both.set("value", {3});
  const double first = 1 / (1 + std::exp(-1.0));  // q = 0.5
  const double n0 = p0 / (p0 + 1e-6), n1 = p1 / (p1 + 1e-6);
  check(both.run(x),
        {n0 * 10 * (3 * (1 - first) + 6 * first), n1 * 10 * (3 * (1 - second) + 6 * second)});
}

TEST_CASE("moh: shared and routed heads share twice the weight", "[routers]") {
  // One token, so that a head returns its value; width 1.
  TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 1}, "moh",
                  {{"k", "2"}, {"shared_heads", "1"}, {"head_width", "1"}});
  layer.set("weight", {0, static_cast<real>(std::log(3.0)), -5});
  layer.set("qkv", {0, 0, 0, 0, 0, 0, 2, 3, 4});
  layer.set("output", {1, 10, 100});
  layer.set("shared_weight", {7});
  layer.set("shared_qkv", {0, 0, 5});
  layer.set("shared_output", {1000});
  layer.set("split", {0, static_cast<real>(std::log(3.0))});
  layer.set("output_bias", {0.5});
  // Routed gates 2 · (1/4, 3/4) · 2 · 3/4 of values 2 and 3; shared 1 · 2 · 1/4 of 5.
  check(layer.run(table(1, 1, {1})), {0.75 * 2 + 2.25 * 30 + 0.5 * 5000 + 0.5});
  CHECK_THAT(refusal_of([] {
               make_router("moh", {.width = 2, .experts = 4}, {{"k", "1"}});
             }),
             contains("k = 2 or more"));
}

TEST_CASE("switchhead: the source chooses values, the target outputs", "[routers]") {
  // Two tokens, ±1, one head of two experts: token 0 uses expert 0, token 1 expert 1.
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 2}, "switchhead",
                  {{"heads", "1"}, {"k", "1"}, {"head_width", "1"}});
  layer.set("query", {0}), layer.set("key", {0});  // equal weights
  layer.set("source", {1, -1}), layer.set("target", {2, -2});
  layer.set("value", {3, 5}), layer.set("output", {7, 11});
  const double s = 1 / (1 + std::exp(-1.0)), r = 1 / (1 + std::exp(-2.0));
  check(layer.run(table(2, 1, {1, -1})), {r * 7 * s * 3, r * 11 * s * (3 - 5) / 2});
  CHECK(layer.router->traits().expert_groups == 1);
  CHECK_THAT(refusal_of([] {
               make_router("switchhead", {.width = 2, .experts = 2, .causal = false},
                           {{"positions", "relative"}});
             }),
             contains("look back only"));
}

}  // namespace moesim::testing
