// Tests mixture_of_depths: who passes, how the output joins the residual stream, and inference.
#include "tests/support/policy.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

// Two sequences of four tokens of width 1, r = x; the expert is 10 x + 1.
TinyLayer layer_of(const OptionValues& more, bool training) {
  OptionValues options = {{"capacity_factor", "0.5"}, {"weight", "raw"}, {"training", "top"}};
  for (const auto& [key, value] : more) options[key] = value;
  TinyLayer layer({.width = 1, .experts = 8, .batch = 2, .length = 4}, "mixture_of_depths",
                  options);
  layer.set("weight", {1});
  layer.set_expert("w", {10}), layer.set_expert("b", {1});
  layer.context.training = training;
  return layer;
}

Tensor input() { return table(8, 1, {3, -1, 2, 1, -4, -3, -2, -1}); }

}  // namespace

TEST_CASE("mixture of depths: the best of each sequence pass, weighted in three ways",
          "[routers]") {
  const auto y = [](const char* combine) {
    TinyLayer layer = layer_of({{"combine", combine}}, true);
    CHECK(layer.router->traits().experts == 1);
    return layer.run(input());
  };
  // Outputs without the residual: w e(x), w (e(x) - x), w e(x) - x at 3, 2, -2 and -1.
  check_values(y("weighted"), {3 * 31, 0, 2 * 21, 0, 0, 0, -2 * -19, -1 * -9});
  check_values(y("difference"), {3 * 28, 0, 2 * 19, 0, 0, 0, -2 * -17, -1 * -8});
  check_values(y("replace"), {3 * 31 - 3, 0, 2 * 21 - 2, 0, 0, 0, 38 + 2, 9 + 1});
  TinyLayer strict = layer_of({{"combine", "weighted"}, {"strict", "true"}}, true);
  check_values(strict.run(input()), {3 * 31, 0, 0, 0, 0, 0, 0, -1 * -9});
  TinyLayer scaled =
      layer_of({{"combine", "weighted"}, {"weight", "sigmoid"}, {"alpha", "0.1"}}, true);
  const double s = 0.1 / (1 + std::exp(-3.0));
  CHECK_THAT(host(scaled.run(input())).front(), WithinAbs(s * 31, kDouble ? 1e-12 : 1e-5));
}

TEST_CASE("mixture of depths: inference passes tokens by themselves, and learns who passes",
          "[routers]") {
  TinyLayer by_router = layer_of({{"combine", "weighted"}, {"inference", "router"}}, false);
  check_values(by_router.run(input()), {3 * 31, 0, 2 * 21, 1 * 11, 0, 0, 0, 0});
  TinyLayer always =
      layer_of({{"combine", "weighted"}, {"inference", "router"}, {"training", "inference"}}, true);
  check_values(always.run(input()), {3 * 31, 0, 2 * 21, 1 * 11, 0, 0, 0, 0});
  CHECK(!always.router->traits().sees.later_tokens);
  CHECK(by_router.router->traits().sees.later_tokens);
  TinyLayer predicted = layer_of({{"combine", "weighted"}}, false);
  predicted.set("predictor", {-1});
  check_values(predicted.run(input()), {0, 1 * 9, 0, 0, -4 * -39, -3 * -29, -2 * -19, -1 * -9});
  // Targets 1 0 1 0, 0 0 1 1: softplus(z) - t z, z = -x.
  const Routing routing = predicted.route(input());
  REQUIRE(routing.losses.size() == 1);
  const std::vector<double> x = host(input()), t = {1, 0, 1, 0, 0, 0, 1, 1};
  double loss = 0;
  for (std::size_t i = 0; i < x.size(); ++i) loss += std::log1p(std::exp(-x[i])) + t[i] * x[i];
  CHECK_THAT(routing.losses[0].value.item(), WithinAbs(loss / 8, kDouble ? 1e-12 : 1e-5));
  TinyLayer again = layer_of({{"combine", "weighted"}, {"inference", "top"}}, false);
  check_values(again.run(input()), {3 * 31, 0, 2 * 21, 0, 0, 0, 38, 9});
  CHECK(again.route(input()).losses.empty());
}

TEST_CASE("mixture of depths: refuses what has no meaning", "[routers]") {
  const auto refusal = [](const OptionValues& options) {
    return refusal_of([&] {
      make_router("mixture_of_depths", {.width = 2, .experts = 1, .length = 8}, options);
    });
  };
  CHECK_THAT(refusal({{"alpha", "2"}, {"weight", "raw"}}), contains("no factor"));
  CHECK_THAT(refusal({{"sampling_weight", "0"}}), contains("inference = top"));
  CHECK_THAT(refusal({{"inference", "top"}, {"training", "inference"}}), contains("is the same"));
  CHECK(refusal({{"sampling_weight", "0"}, {"inference", "top"}}) == "accepted");
}

}  // namespace moesim::testing
