// Tests token_choice: special cases, drops by hand, second choices.
#include "sim/core/error.hpp"
#include "sim/core/tape.hpp"
#include "sim/ops/ops.hpp"
#include "tests/routers/close.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <vector>

namespace moesim::testing {
namespace {

const OptionValues kDropless = {{"capacity_factor", "0"}, {"capacity_factor_eval", "0"}};

OptionValues dropless(OptionValues more) {
  more.insert(kDropless.begin(), kDropless.end());
  return more;
}

std::string choice_refusal(const OptionValues& options) {
  try {
    make_router("token_choice", {.width = 2, .experts = 4, .batch = 1, .length = 4}, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("token choice: one expert is the dense network, on the CPU bit for bit", "[routers]") {
  const Site site{.width = 3, .experts = 1, .batch = 2, .length = 4};
  TinyLayer one(site, "token_choice", kDropless, "mlp", 5);
  TinyLayer dense(site, "dense", {}, "mlp", 5);
  const Tensor x = one.input(), y = one.run(x);
  check_close(y, host(dense.run(x)));
  // A card multiplies equal segments and others in different ways.
  if (test_backend().name() == "cpu") CHECK(y.to_host() == dense.run(x).to_host());
}

TEST_CASE("token choice: all experts are the mixture Σ p expert(x)", "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 2, .length = 5};
  for (const char* at : {"before", "after"}) {
    TinyLayer layer(site, "token_choice",
                    dropless({{"k", "4"}, {"softmax", at}, {"normalise", "none"}}), "mlp", 5);
    const Tensor x = layer.input();
    const std::vector<double> p = host(layer.route(x).scores);
    std::vector<double> want(static_cast<std::size_t>(x.size()));
    for (index e = 0; e < 4; ++e) {
      const std::vector<double> u = host(layer.apply_expert(e, x));
      for (std::size_t i = 0; i < want.size(); ++i)
        want[i] += p[i / 3 * 4 + static_cast<std::size_t>(e)] * u[i];
    }
    check_close(layer.run(x), want);
  }
}

TEST_CASE("token choice: renaming the experts changes nothing", "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 2, .length = 6};
  const OptionValues options = {{"k", "2"}, {"capacity_factor_eval", "0.75"}};
  TinyLayer layer(site, "token_choice", options), renamed(site, "token_choice", options);
  // Expert e of the one is expert (e + 1) mod 4 of the other.
  const auto turn = [](const Tensor& from, const Tensor& to, std::size_t outer, std::size_t inner) {
    const std::vector<real> values = from.to_host();
    std::vector<real> turned(values.size());
    for (std::size_t o = 0; o < outer; ++o)
      for (std::size_t e = 0; e < 4; ++e)
        for (std::size_t i = 0; i < inner; ++i)
          turned[(o * 4 + (e + 1) % 4) * inner + i] = values[(o * 4 + e) * inner + i];
    to.from_host(turned);
  };
  turn(parameter_of(*layer.router, "weight"), parameter_of(*renamed.router, "weight"), 3, 1);
  turn(parameter_of(*layer.expert, "w"), parameter_of(*renamed.expert, "w"), 1, 9);
  turn(parameter_of(*layer.expert, "b"), parameter_of(*renamed.expert, "b"), 1, 3);
  const Tensor x = layer.input();
  check_close(renamed.run(x), host(layer.run(x)));
}

// Two experts on numbers: logits x · (1, -1), so that positive tokens choose 0, negative ones 1.
// The gate is the first score, 1 / (1 + e^(-2|x|)).
TEST_CASE("token choice: drops by hand", "[routers]") {
  const Site site{.width = 1, .experts = 2, .batch = 1, .length = 4};
  const auto run = [&](OptionValues options) {
    options["capacity"] = "1";
    TinyLayer layer(site, "token_choice", options);
    layer.set("weight", {1, -1});
    layer.set_expert("w", {10, 100});  // expert 0: 10 x, expert 1: 100 x
    layer.set_expert("b", {0, 0});
    return layer.run(Tensor::of({4, 1}, {1, 2, -1, 3}, test_backend()));
  };
  const auto gate = [](double x) { return 1 / (1 + std::exp(-2 * x)); };
  SECTION("in order of tokens, the first of each expert stays") {
    check_close(run({}), {10 * gate(1), 0, -100 * gate(1), 0});
  }
  SECTION("by priority, the surest stays") {
    check_close(run({{"fill", "priority"}}), {0, 0, -100 * gate(1), 30 * gate(3)});
  }
  SECTION("a dropped token may keep its input times its gate") {
    check_close(run({{"dropped", "input"}}),
                {10 * gate(1), 2 * gate(2), -100 * gate(1), 3 * gate(3)});
  }
}

// Three experts, logits x · (2, 1, 0): 1 chooses 0 and 1, -1 chooses 2 and 1, gates e / (e + 1) and
// 1 / (e + 1). With one place each, the first token has both, the second its first, the third none.
TEST_CASE("token choice: only a token without any place keeps its input", "[routers]") {
  TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 3}, "token_choice",
                  {{"k", "2"}, {"capacity", "1"}, {"dropped", "input"}});
  layer.set("weight", {2, 1, 0});
  layer.set_expert("w", {10, 100, 1000});
  layer.set_expert("b", {0, 0, 0});
  const double first = std::exp(1) / (std::exp(1) + 1), second = 1 - first;
  check_close(layer.run(Tensor::of({3, 1}, {1, -1, 1}, test_backend())),
              {10 * first + 100 * second, -1000 * first, first});
}

// Logits (2, 1, 0) for every token: gates e/(e + 1) and 1/(e + 1) = 0.269 after renormalisation.
TEST_CASE("token choice: policies for second choices", "[routers]") {
  const Site site{.width = 1, .experts = 3, .batch = 1, .length = 3};
  const auto load = [&](OptionValues options, const std::vector<real>& draws) {
    options["k"] = "2";
    TinyLayer layer(site, "token_choice", dropless(options));
    layer.set("weight", {2, 1, 0});
    layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
      if (purpose != Purpose::second_choice) return {};
      CHECK(shape == Shape{3, 1});
      return Tensor::of(shape, draws, test_backend());
    };
    const Routing routing = layer.route(Tensor::of({3, 1}, {1, 1, 1}, test_backend()));
    return std::get<Assignment>(routing.plan).experts.offset.to_host();
  };
  using Numbers = std::vector<std::int32_t>;
  CHECK(load({}, {}) == Numbers{0, 3, 6, 6});
  CHECK(load({{"second_eval", "none"}}, {}) == Numbers{0, 3, 3, 3});
  CHECK(load({{"second_eval", "threshold"}, {"second_threshold", "0.26"}}, {}) ==
        Numbers{0, 3, 6, 6});
  CHECK(load({{"second_eval", "threshold"}, {"second_threshold", "0.27"}}, {}) ==
        Numbers{0, 3, 3, 3});
  // Kept with chance 0.269 / 0.5 = 0.538.
  CHECK(load({{"second_eval", "random"}, {"second_threshold", "0.5"}}, {0.53, 0.54, 0}) ==
        Numbers{0, 3, 5, 5});
}

TEST_CASE("token choice: second choices at the threshold, and third ones", "[routers]") {
  using Numbers = std::vector<std::int32_t>;
  const auto load = [](const OptionValues& options, const std::vector<real>& weight,
                       const std::vector<real>& draws) {
    TinyLayer layer({.width = 1, .experts = 3, .batch = 1, .length = 2}, "token_choice",
                    dropless(options));
    layer.set("weight", weight);
    layer.context.given = [&](Purpose purpose, Shape shape) -> Tensor {
      if (purpose != Purpose::second_choice) return {};
      return Tensor::of(shape, draws, test_backend());
    };
    const Routing routing = layer.route(Tensor::of({2, 1}, {1, 1}, test_backend()));
    return std::get<Assignment>(routing.plan).experts.offset.to_host();
  };
  // Two gates of 0.5 are not above it.
  CHECK(load({{"k", "2"}, {"second_eval", "threshold"}, {"second_threshold", "0.5"}}, {0, 0, 0},
             {}) == Numbers{0, 2, 2, 2});
  // Gates 0.665, 0.245, 0.090: chances 0.489 and 0.180, of draws of their own.
  CHECK(load({{"k", "3"}, {"second_eval", "random"}, {"second_threshold", "0.5"}}, {2, 1, 0},
             {0.48, 0.19, 0.5, 0.1}) == Numbers{0, 2, 3, 4});
}

TEST_CASE("token choice: losses see the scores without fixed noise", "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 1, .length = 6};
  const OptionValues options = {
      {"balance_weight", "0"}, {"importance_weight", "1"}, {"z_weight", "1"}};
  OptionValues with_noise = options;
  with_noise["noise"] = "gaussian";
  TinyLayer clean(site, "token_choice", options), noisy(site, "token_choice", with_noise);
  clean.context.training = noisy.context.training = true;
  const Tensor x = clean.input();
  const Routing a = clean.route(x), b = noisy.route(x);
  CHECK(a.scores.to_host() != b.scores.to_host());
  REQUIRE(b.losses.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(b.losses[i].name == a.losses[i].name);
    CHECK(b.losses[i].value.item() == a.losses[i].value.item());
  }
}

TEST_CASE("token choice: a gate that is always 1 must be asked for", "[routers]") {
  for (const OptionValues& options :
       {OptionValues{{"softmax", "after"}}, OptionValues{{"normalise", "sum"}},
        OptionValues{{"noise", "learned"}, {"softmax", "after"}}}) {
    CHECK_THAT(choice_refusal(options), contains("gate is always 1"));
    OptionValues allowed = options;
    allowed["allow_constant_gate"] = "true";
    CHECK(choice_refusal(allowed) == "accepted");
  }
  // With learned noise and k = 1 the gate is the score.
  CHECK(choice_refusal({{"noise", "learned"}}) == "accepted");
  TinyLayer noisy({.width = 2, .experts = 4, .batch = 1, .length = 4}, "token_choice",
                  dropless({{"noise", "learned"}}));
  for (const double gate : host(std::get<Assignment>(noisy.route(noisy.input()).plan).gate))
    CHECK(gate < 1);
}

// Two experts with one place, logits x · (2, 1): every token chooses both, gates g and 1 - g,
// g = 1 / (1 + e^{-x}).
TEST_CASE("token choice: gates may be divided by the sum over kept choices", "[routers]") {
  const auto run = [](const OptionValues& more) {
    OptionValues options = {{"k", "2"}, {"capacity", "1"}};
    for (const auto& [key, value] : more) options[key] = value;
    TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 2}, "token_choice", options);
    layer.set("weight", {2, 1});
    layer.set_expert("w", {10, 100});
    layer.set_expert("b", {0, 0});
    return layer.run(Tensor::of({2, 1}, {1, -2}, test_backend()));
  };
  const auto g = [](double x) { return 1 / (1 + std::exp(-x)); };
  // Token 0 has both places, token 1 none.
  check_close(run({}), {10 * g(1) + 100 * (1 - g(1)), 0});
  // An expert's largest gates: expert 0 keeps token 0 (0.73 > 0.12), expert 1 token 1 (0.88).
  check_close(run({{"fill", "gate"}}), {10 * g(1), -200 * (1 - g(-2))});
  check_close(run({{"fill", "gate"}, {"normalise_over", "kept"}}), {10, -200});
  // Logits 2, 1 and -4, -2, all chosen: expert 0 keeps token 0, expert 1 as well.
  check_close(run({{"fill", "logit"}}), {10 * g(1) + 100 * (1 - g(1)), 0});
  CHECK_THAT(choice_refusal({{"k", "2"}, {"softmax", "after"}, {"normalise_over", "kept"}}),
             contains("normalise = sum or l2"));
}

// Tokens 1, 2, 3 choose expert 0 of two, at one place.
TEST_CASE("token choice: places by chance, and by logits against other tokens' 0", "[routers]") {
  const auto kept = [](const OptionValues& options, const std::vector<real>& weight) {
    TinyLayer layer({.width = 1, .experts = 2, .batch = 1, .length = 3}, "token_choice", options);
    layer.set("weight", weight);
    layer.context.given = [](Purpose purpose, Shape shape) -> Tensor {
      if (purpose != Purpose::places) return {};
      return Tensor::of(shape, {0.3, 0.9, 0.5}, test_backend());
    };
    const Routing routing = layer.route(Tensor::of({3, 1}, {1, 2, 3}, test_backend()));
    std::vector<std::int32_t> token = std::get<Assignment>(routing.plan).token.to_host();
    while (!token.empty() && token.back() < 0) token.pop_back();
    return token;
  };
  using Numbers = std::vector<std::int32_t>;
  CHECK(kept({{"capacity", "1"}, {"fill", "random"}}, {1, 0}) == Numbers{1});
  CHECK(kept({{"capacity", "1"}, {"fill", "logit"}}, {1, 0}) == Numbers{2});
  // Logits -1, -2, -3 and -2, -4, -6: all choose expert 0, where -1 is the largest.
  CHECK(kept({{"capacity", "1"}, {"fill", "logit"}}, {-1, -2}) == Numbers{0});
}

TEST_CASE("token choice: straight through, experts' inputs teach the gates", "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 1, .length = 4};
  const auto gradient = [&](const char* straight) {
    TinyLayer layer(site, "token_choice", dropless({{"k", "2"}, {"straight_through", straight}}),
                    "mlp", 5);
    const Tensor x = layer.input();
    Tape tape;
    const Tape::Scope scope(&tape);
    const Tensor y = layer.run(x);
    tape.backward(sum(y));
    return std::pair(host(y), host(parameter_of(*layer.router, "weight").gradient()));
  };
  const auto plain = gradient("false"), straight = gradient("true");
  CHECK(plain.first == straight.first);  // the same values,
  CHECK(plain.second != straight.second);
}

TEST_CASE("token choice: k = 0 is the dense mixture of all experts", "[routers]") {
  const Site site{.width = 3, .experts = 4, .batch = 1, .length = 4};
  TinyLayer all(site, "token_choice", {{"k", "0"}}), four(site, "token_choice", {{"k", "4"}});
  const Tensor x = all.input();
  CHECK(host(all.run(x)) == host(four.run(x)));
  CHECK(all.router->traits().cost.rows_per_token == 4);
}

}  // namespace moesim::testing
