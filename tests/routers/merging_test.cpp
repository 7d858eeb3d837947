// Tests lory and smear.
#include "sim/core/tape.hpp"
#include "sim/ops/ops.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace moesim::testing {
namespace {

// The largest absolute gradient of Σ y² that a parameter of the router gets.
double router_gradient(TinyLayer& layer, const std::string& name = "weight") {
  Tape tape;
  const Tape::Scope scope(&tape);
  tape.backward(sum(square(layer.run(layer.input()))));
  const Tensor gradient = parameter_of(*layer.router, name).gradient();
  double largest = 0;
  if (gradient)
    for (const double value : host(gradient)) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

TEST_CASE("lory: with one segment the router learns nothing", "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 2, .length = 6};
  TinyLayer one(site, "lory", {{"segment", "6"}}, "swiglu", 5);
  TinyLayer two(site, "lory", {{"segment", "3"}}, "swiglu", 5);
  one.context.training = two.context.training = true;
  CHECK(router_gradient(one) == 0);
  CHECK(router_gradient(two) > 1e-3);
}

TEST_CASE("lory: a segment runs on the weights of the one before", "[routers]") {
  // Means of the segments: 1, 2 and 5; logits mean · (1, 0). Weights of expert 0: σ(1) for the
  // first two, σ(2) for the third. y = 10 x times that weight.
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 6}, "lory", {{"segment", "2"}});
  layer.set("weight", {1, 0});
  layer.set_expert("w", {10, 0});
  layer.set_expert("b", {0, 0});
  const std::vector<double> y =
      host(layer.run(Tensor::of({6, 1}, {0, 2, 3, 1, 4, 6}, test_backend())));
  const double a = 10 / (1 + std::exp(-1.0)), b = 10 / (1 + std::exp(-2.0));
  const std::vector<double> want = {0, 2 * a, 3 * a, 1 * a, 4 * b, 6 * b};
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK_THAT(y[i], WithinAbs(want[i], kDouble ? 1e-13 : 1e-4));
}

TEST_CASE("lory: a first segment that does not look at its own tokens", "[routers]") {
  // As above, but the first segment has equal weights, or softmax(2, 0), and neither depends on its
  // tokens. The second has those of the first segment's mean, 1.
  const Site site{.width = 1, .experts = 2, .batch = 2, .length = 4};
  const auto outputs = [&](const char* first, bool training) {
    TinyLayer layer(site, "lory", {{"segment", "2"}, {"first", first}});
    layer.set("weight", {1, 0});
    if (first == std::string("learned")) layer.set("first", {2, 0});
    layer.set_expert("w", {10, 0});
    layer.set_expert("b", {0, 0});
    layer.context.training = training;
    return host(layer.run(Tensor::of({8, 1}, {0, 2, 3, 1, 2, 0, 1, 1}, test_backend())));
  };
  const double second = 10 / (1 + std::exp(-1.0));
  for (const bool training : {false, true})
    for (const auto& [name, first] :
         {std::pair("uniform", 5.0), {"learned", 10 / (1 + std::exp(-2.0))}}) {
      CAPTURE(name, training);
      const std::vector<double> y = outputs(name, training);
      const std::vector<double> want = {0,         2 * first, 3 * second, second,
                                        2 * first, 0,         second,     second};
      for (std::size_t i = 0; i < want.size(); ++i)
        CHECK_THAT(y[i], WithinAbs(want[i], kDouble ? 1e-13 : 1e-4));
    }
}

TEST_CASE("lory: a learned first segment starts uniform, and its weights get a gradient",
          "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 2, .length = 6};
  TinyLayer learned(site, "lory", {{"segment", "3"}, {"first", "learned"}}, "swiglu", 5);
  TinyLayer uniform(site, "lory", {{"segment", "3"}, {"first", "uniform"}}, "swiglu", 5);
  learned.set("first", {0, 0, 0, 0});
  const std::vector<double> a = host(learned.run(learned.input()));
  const std::vector<double> b = host(uniform.run(uniform.input()));
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK_THAT(a[i], WithinAbs(b[i], kDouble ? 1e-14 : 1e-5));
  CHECK(router_gradient(learned, "first") > 1e-3);
  CHECK_FALSE(learned.router->traits().sees.later_tokens);
  CHECK_FALSE(learned.router->traits().surrogate);
}

TEST_CASE("lory: the default segment divides any length", "[routers]") {
  for (index length = 1; length <= 24; ++length) {
    TinyLayer layer({.width = 2, .experts = 2, .batch = 1, .length = length}, "lory", {});
    const Routing routing = layer.route(layer.input());
    const index segments = std::get<Merging>(routing.plan).weights.dim(0);
    CHECK(length % segments == 0);
    CHECK(length / segments <= (length + 3) / 4);
  }
}

TEST_CASE("smear: weights without preference merge experts to their mean", "[routers]") {
  // W = 0: p = 1/2 each. Means of (2, 6) and of the biases (1, 3): y = 4 x + 2.
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 3}, "smear", {});
  layer.set("weight", {0, 0});
  layer.set_expert("w", {2, 6});
  layer.set_expert("b", {1, 3});
  const std::vector<double> y = host(layer.run(Tensor::of({3, 1}, {0, 1, -1}, test_backend())));
  const std::vector<double> want = {2, 6, -2};
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK_THAT(y[i], WithinAbs(want[i], kDouble ? 1e-14 : 1e-6));
}

TEST_CASE("smear: an expert that is dropped leaves the mixture", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 2, .length = 1}, "smear",
                  {{"expert_dropout", "0.5"}});
  layer.set("weight", {0, 0});
  layer.set_expert("w", {2, 6});
  layer.set_expert("b", {0, 0});
  layer.context.given = [](Purpose purpose, Shape shape) -> Tensor {
    if (purpose != Purpose::router_noise) return {};
    return Tensor::of(shape, {0.4, 0.6, 0.6, 0.4}, test_backend());
  };
  const Tensor x = Tensor::of({2, 1}, {1, 1}, test_backend());
  layer.context.training = true;
  // The first sequence loses expert 0, the second expert 1.
  const std::vector<double> y = host(layer.run(x));
  CHECK_THAT(y[0], WithinAbs(6, 1e-6));
  CHECK_THAT(y[1], WithinAbs(2, 1e-6));
  layer.context.training = false;
  CHECK_THAT(host(layer.run(x))[0], WithinAbs(4, 1e-6));
}

}  // namespace moesim::testing
