// Tests sinkhorn, base and token_rounding: balance, evaluation and refusals.
#include "tests/support/policy.hpp"

#include <algorithm>

namespace moesim::testing {
namespace {

std::vector<std::int32_t> loads(TinyLayer& layer, const Tensor& x) {
  const Routing routing = layer.route(x);
  const std::vector<std::int32_t> offset =
      std::get<Assignment>(routing.plan).experts.offset.to_host();
  std::vector<std::int32_t> load;
  for (std::size_t e = 0; e + 1 < offset.size(); ++e) load.push_back(offset[e + 1] - offset[e]);
  return load;
}

std::string refusal(const char* router, const OptionValues& options) {
  return refusal_of([&] { make_router(router, {.width = 2, .experts = 4}, options); });
}

}  // namespace

TEST_CASE("base: equal loads in training, the best expert in evaluation", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 2, .length = 2}, "base",
                  {{"group", "batch"}});
  layer.set("weight", {1, 0});
  const Tensor x = table(4, 1, {1, 2, 3, 4});  // all prefer expert 0
  layer.context.training = true;
  CHECK(loads(layer, x) == std::vector<std::int32_t>{2, 2});
  const Routing routing = layer.route(x);
  CHECK(std::get<Assignment>(routing.plan).token.to_host() ==
        std::vector<std::int32_t>{2, 3, 0, 1});  // the largest affinities stay
  layer.context.training = false;
  CHECK(loads(layer, x) == std::vector<std::int32_t>{4, 0});
}

TEST_CASE("base: by position, the tokens of a position are spread", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 2, .length = 2}, "base", {});
  layer.set("weight", {1, 0});
  layer.context.training = true;
  // Positions 0: 1 and 3, 1: 4 and 2.
  const Routing routing = layer.route(table(4, 1, {1, 4, 3, 2}));
  CHECK(std::get<Assignment>(routing.plan).token.to_host() ==
        std::vector<std::int32_t>{1, 2, 0, 3});
}

TEST_CASE("sinkhorn: balances what the largest logits do not", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 4}, "sinkhorn",
                  {{"group", "batch"}});
  layer.set("weight", {1, 0});
  const Tensor x = table(4, 1, {1, 2, 3, 4});
  CHECK(loads(layer, x) == std::vector<std::int32_t>{4, 0});
  layer.context.training = true;
  CHECK(loads(layer, x) == std::vector<std::int32_t>{2, 2});
}

TEST_CASE("sinkhorn: options without effect are refused", "[routers]") {
  CHECK_THAT(refusal("sinkhorn", {{"threshold", "0.5"}}), contains("choose = experts"));
  CHECK_THAT(refusal("sinkhorn", {{"gate", "straight"}}), contains("iterations above 0"));
  CHECK_THAT(refusal("sinkhorn", {{"choose", "experts"}}), contains("group = batch"));
}

TEST_CASE("token rounding: counts become multiples of the tile in training", "[routers]") {
  for (const auto& [mode, want] : std::vector<std::pair<std::string, std::vector<std::int32_t>>>{
           {"nearest", {4, 0}}, {"up", {4, 2}}, {"down", {2, 0}}}) {
    CAPTURE(mode);
    TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 4}, "token_rounding",
                    {{"k", "1"}, {"tile", "2"}, {"round", mode}});
    layer.set("weight", {1, 0});
    const Tensor x = table(4, 1, {1, 2, 3, -1});
    CHECK(loads(layer, x) == std::vector<std::int32_t>{3, 1});
    layer.context.training = true;
    CHECK(loads(layer, x) == want);
  }
  CHECK_THAT(refusal("token_rounding", {{"k", "1"}, {"normalise", "sum"}}),
             contains("gate is always 1"));
}

}  // namespace moesim::testing
