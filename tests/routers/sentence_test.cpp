// Tests sentence: by the start of a sequence, its mean, or its label.
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <cmath>
#include <vector>

namespace moesim::testing {
namespace {

// Expert of every token of two sequences of four numbers, with logits x · (1, -1).
std::vector<std::int32_t> experts_of(const OptionValues& options, const std::vector<real>& x) {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 2, .length = 4}, "sentence", options);
  layer.set("weight", {1, -1});
  const Routing routing = layer.route(Tensor::of({8, 1}, x, test_backend()));
  const auto& plan = std::get<Assignment>(routing.plan);
  const std::vector<std::int32_t> token = plan.token.to_host(),
                                  offset = plan.experts.offset.to_host();
  std::vector<std::int32_t> expert(8, -1);
  for (std::int32_t e = 0; e < 2; ++e)
    for (auto i = static_cast<std::size_t>(offset[static_cast<std::size_t>(e)]);
         i < static_cast<std::size_t>(offset[static_cast<std::size_t>(e) + 1]); ++i)
      expert[static_cast<std::size_t>(token[i])] = e;
  return expert;
}

}  // namespace

TEST_CASE("sentence: a sequence is routed by its first tokens, or its mean", "[routers]") {
  using Numbers = std::vector<std::int32_t>;
  // Running means 1, -1, ... and -2, 1, ...; means of all 0.5 and -0.5.
  const std::vector<real> x = {1, -3, 9, -5, -2, 4, -3, -1};
  CHECK(experts_of({{"prompt", "1"}}, x) == Numbers{0, 0, 0, 0, 1, 1, 1, 1});
  CHECK(experts_of({{"prompt", "2"}}, x) == Numbers{0, 1, 1, 1, 1, 0, 0, 0});
  CHECK(experts_of({{"by", "sequence"}}, x) == Numbers{0, 0, 0, 0, 1, 1, 1, 1});
  // A prompt beyond the end: the mean so far, 1, -1, 7/3, 1/2 and -2, 1, -1/3, -1/2.
  CHECK(experts_of({{"prompt", "9"}}, x) == Numbers{0, 1, 0, 0, 1, 0, 1, 1});
}

TEST_CASE("sentence: the gate is the score of the sequence", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 2}, "sentence",
                  {{"prompt", "1"}});
  layer.set("weight", {1, -1});
  layer.set_expert("w", {10, 100});
  layer.set_expert("b", {0, 0});
  const std::vector<double> y = host(layer.run(Tensor::of({2, 1}, {1, -5}, test_backend())));
  const double gate = 1 / (1 + std::exp(-2.0));
  CHECK_THAT(y[0], WithinAbs(10 * gate, kDouble ? 1e-12 : 1e-5));
  CHECK_THAT(y[1], WithinAbs(-50 * gate, kDouble ? 1e-12 : 1e-4));
}

TEST_CASE("sentence: a label has a row of its own", "[routers]") {
  TinyLayer layer({.width = 2, .experts = 2, .batch = 2, .length = 3, .vocabulary = 5}, "sentence",
                  {{"by", "label"}, {"k", "1"}});
  layer.set("weight", {0, 9, 9, 0, 0, 9, 0, 9, 0, 9});  // label 1 takes expert 0, others expert 1
  Tokens tokens = layer.tokens(layer.input());
  tokens.ids = Indices::of({1, 3, 3, 4, 1, 1}, test_backend());
  const Routing routing = layer.router->route(tokens);
  CHECK(std::get<Assignment>(routing.plan).token.to_host() ==
        std::vector<std::int32_t>{0, 1, 2, 3, 4, 5});
  CHECK(std::get<Assignment>(routing.plan).experts.offset.to_host() ==
        std::vector<std::int32_t>{0, 3, 6});
}

TEST_CASE("sentence: what makes no sense is refused", "[routers]") {
  const Site site{.width = 2, .experts = 2, .batch = 1, .length = 4};
  CHECK_THROWS_WITH(make_router("sentence", site, {{"by", "label"}}), contains("no token ids"));
  CHECK_THROWS_WITH(make_router("sentence", site, {{"softmax", "after"}}),
                    contains("gate is always 1"));
  Site nested = site;
  nested.ragged = true;
  CHECK_THROWS_WITH(make_router("sentence", nested, {}), contains("differ in length"));
}

}  // namespace moesim::testing
