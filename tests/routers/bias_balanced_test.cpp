// Tests bias_balanced: the bias, groups, and its update.
#include "sim/core/error.hpp"
#include "tests/support/naive.hpp"
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

const char* const kName = "bias_balanced";

Tensor bias_of(const Router& router) {
  for (const Parameter& buffer : router.buffers())
    if (buffer.name == "bias") return buffer.value;
  fail(Exit::internal, "there is no bias");
}

// One token of value 1, so that logits are the weights.
TinyLayer layer_of(index experts, const OptionValues& options, const std::vector<real>& logits,
                   const std::vector<real>& bias) {
  TinyLayer layer({.width = 1, .experts = experts, .batch = 1, .length = 1}, kName, options);
  layer.set("weight", logits);
  bias_of(*layer.router).from_host(bias);
  return layer;
}

// What expert e adds for the token: its gate, 0 if it was not chosen.
std::vector<double> gates(TinyLayer& layer) {
  const Routing routing = layer.route(table(1, 1, {1}));
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
  const std::vector<double> gate = host(plan.gate);
  std::vector<double> all;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    all.push_back(offset[e] < offset[e + 1] ? gate[static_cast<std::size_t>(offset[e])] : 0);
  return all;
}

void check_gates(TinyLayer layer, const std::vector<double>& want) {
  const std::vector<double> got = gates(layer);
  REQUIRE(got.size() == want.size());
  for (std::size_t e = 0; e < want.size(); ++e) {
    CAPTURE(e);
    CHECK_THAT(got[e], WithinAbs(want[e], kDouble ? 1e-12 : 1e-6));
  }
}

// The bias after a step of these demands, of 4 experts and k = 2.
std::vector<double> after(const OptionValues& options, const std::vector<std::int32_t>& demand) {
  TinyLayer layer = layer_of(4, options, {0, 0, 0, 0}, {0, 0, 0, 1});
  index assignments = 0;
  for (const std::int32_t n : demand) assignments += n;
  StepLoad other, own;
  other.demand = numbers({9, 0, 0, 0}), other.tokens = 9;
  own.demand = numbers(demand), own.tokens = assignments / 2;
  const std::vector<StepLoad> layers = {other, own};
  layer.router->after_step(layers, 1);
  return host(bias_of(*layer.router));
}

}  // namespace

TEST_CASE("bias balanced: the bias chooses and weighs nothing", "[routers]") {
  const double a = naive::sigmoid(2), b = naive::sigmoid(1), c = naive::sigmoid(0);
  check_gates(layer_of(3, {}, {2, 1, 0}, {0, 0, 0}), {a / (a + b), b / (a + b), 0});
  check_gates(layer_of(3, {}, {2, 1, 0}, {0, 0, 1}), {a / (a + c), 0, c / (a + c)});
  check_gates(layer_of(3, {{"normalise", "none"}, {"scale", "2.5"}}, {2, 1, 0}, {-1, 0, 0}),
              {0, 2.5 * b, 2.5 * c});
  check_gates(layer_of(3, {{"k", "1"}}, {2, 1, 0}, {0, 0, 0}), {a, 0, 0});
}

TEST_CASE("bias balanced: groups are ranked with the bias", "[routers]") {
  const OptionValues options = {{"groups", "2"}, {"normalise", "none"}};
  const std::vector<real> logits = {3, -3, 1, 1};  // 0.953 0.047 | 0.731 0.731
  const double a = naive::sigmoid(3), b = naive::sigmoid(-3), c = naive::sigmoid(1);
  check_gates(layer_of(4, options, logits, {0, 0, 0, 0}), {0, 0, c, c});
  check_gates(layer_of(4, options, logits, {0, 0.5, 0, 0}), {a, b, 0, 0});
  OptionValues best_alone = options;
  best_alone["group_best"] = "1";
  check_gates(layer_of(4, best_alone, logits, {0, 0, 0, 0}), {a, b, 0, 0});
}

TEST_CASE("bias balanced: a step moves the bias towards an even load", "[routers]") {
  // Mean 3.
  const OptionValues sign = {{"bias_speed", "0.5"}};
  CHECK(after(sign, {6, 3, 2, 1}) == std::vector<double>{-0.5, 0, 0.5, 1.5});
  CHECK(after({{"bias_speed", "0"}}, {6, 3, 2, 1}) == std::vector<double>{0, 0, 0, 1});
  const std::vector<double> got =
      after({{"bias_speed", "0.5"}, {"bias_update", "proportional"}}, {6, 3, 3, 0});
  const std::vector<double> want = {-0.5, 0, 0, 1.5};
  for (std::size_t e = 0; e < 4; ++e) CHECK_THAT(got[e], WithinAbs(want[e], 1e-6));
  // Mean 7/2, which no expert has.
  CHECK(after(sign, {4, 3, 4, 3}) == std::vector<double>{-0.5, 0.5, -0.5, 1.5});
}

TEST_CASE("bias balanced: balance counts the choices, or the largest scores", "[routers]") {
  // Shares 0.5 and 0.5 of equal scores: the loss is 1 whoever is chosen; of 3/4 and 1/2: 0.6, 0.4.
  const auto loss = [](const char* counted, const std::vector<real>& bias) {
    TinyLayer layer = layer_of(2, {{"k", "1"}, {"balance_counted", counted}},
                               {static_cast<real>(std::log(3.0)), 0}, bias);
    const Routing routing = layer.route(table(1, 1, {1}));
    REQUIRE(routing.losses.size() == 1);
    CHECK(routing.losses[0].name == "balance");
    return static_cast<double>(routing.losses[0].value.item());
  };
  const double close = kDouble ? 1e-12 : 1e-6;
  CHECK_THAT(loss("chosen", {0, 0}), WithinAbs(1.2, close));
  CHECK_THAT(loss("chosen", {0, 1}), WithinAbs(0.8, close));
  CHECK_THAT(loss("unbiased", {0, 1}), WithinAbs(1.2, close));
}

TEST_CASE("bias balanced: a gate that is always the same must be asked for", "[routers]") {
  const auto refusal = [](const OptionValues& options) {
    return refusal_of([&] { make_router(kName, {.width = 2, .experts = 4}, options); });
  };
  CHECK_THAT(refusal({{"k", "1"}, {"normalise", "sum"}}), contains("gate is always 1"));
  CHECK(refusal({{"k", "1"}, {"normalise", "sum"}, {"allow_constant_gate", "true"}}) == "accepted");
  CHECK(refusal({{"k", "1"}}) == "accepted");
  CHECK_THAT(refusal({{"groups", "3"}}), contains("does not divide the 4 experts"));
}

}  // namespace moesim::testing
