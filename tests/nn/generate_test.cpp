// Tests text generation: each router's rule of inference against another way to the same numbers,
// and the choice of a token.
#include "sim/model/generate.hpp"

#include "sim/core/error.hpp"
#include "tests/nn/trained.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moesim::testing {
namespace {

// Logits of the last position of `sequences` equal ones at evaluation, without generating.
std::vector<real> evaluated(Training& t, const Ids& ids, index sequences, index position) {
  Ids all;
  for (index b = 0; b < sequences; ++b) all.insert(all.end(), ids.begin(), ids.end());
  Context context;
  std::vector<Loss> losses;
  const auto length = static_cast<index>(ids.size());
  const std::vector<real> logits =
      t.model->forward({sequences, length, Indices::of(all, t.backend), {}}, context, losses)
          .to_host();
  const auto width = static_cast<std::ptrdiff_t>(logits.size()) / (sequences * length);
  return {logits.begin() + position * width, logits.begin() + (position + 1) * width};
}

Ids first(std::size_t count) { return {kText.begin(), kText.begin() + std::ptrdiff_t(count)}; }

TEST_CASE("generate: who routes by the past predicts as in the whole sequence", "[generate]") {
  for (const Values& values : {Values{"router.name", "dense"},
                               {"router.name", "hash"},
                               {"router.name", "token_choice", "router.token_choice.k", "2",
                                "router.token_choice.capacity_factor_eval", "0"},
                               {"router.name", "dense", "model.positions", "rotary"}}) {
    CAPTURE(values);
    Trained t(values);
    for (const std::size_t length : {1, 7, 16}) {
      Generator generator(*t.model, 16, t.backend, first(length), {});
      require_same_logits(generator.logits(), evaluated(t, kText, 1, index(length) - 1));
    }
  }
}

TEST_CASE("generate: Mixture of Tokens unmixed is a group of equal tokens", "[generate]") {
  for (const Values& more :
       {Values{},
        {"router.mixture_of_tokens.emit", "separate"},
        {"router.mixture_of_tokens.emit", "separate", "router.mixture_of_tokens.emit_softmax",
         "experts", "router.mixture_of_tokens.learned_temperature", "true"},
        {"router.mixture_of_tokens.emit_softmax", "experts", "router.mixture_of_tokens.temperature",
         "0.5"}}) {
    CAPTURE(more);
    Values values = {"router.name", "mixture_of_tokens", "router.mixture_of_tokens.group_size",
                     "8"};
    values.insert(values.end(), more.begin(), more.end());
    Trained t(values);
    Generator generator(*t.model, 16, t.backend, kText, {});
    require_same_logits(generator.logits(), evaluated(t, kText, 8, 15));
  }
}

TEST_CASE("generate: Lory merges once, by the prompt", "[generate]") {
  const Values values = {"router.name", "lory"},
               prompted = {"router.name", "lory", "router.lory.prompt", "5"};
  Trained t(values), same(prompted);
  Generator generator(*t.model, 16, t.backend, first(5), {.temperature = 0});
  for (int i = 0; i < 11; ++i) generator.next();
  const Ids& tokens = generator.tokens();
  REQUIRE(tokens.size() == 16);
  // The option that takes the weights of a whole sequence from its first five tokens.
  require_same_logits(generator.logits(), evaluated(same, tokens, 1, 15));
  // The prompt has left the window, and its weights still hold.
  for (int i = 0; i < 20; ++i) generator.next();
  Context context;
  std::vector<real> weights;
  context.on_routing = [&](index layer, const Routing& routing) {
    if (layer == 0) weights = std::get<Merging>(routing.plan).weights.to_host();
  };
  std::vector<Loss> losses;
  context.generating = Generating::prompt;
  t.model->forward({1, 5, Indices::of(first(5), t.backend), {}}, context, losses);
  const std::vector<real> of_prompt = weights;
  REQUIRE(of_prompt.size() == 4);
  context.generating = Generating::continuation;
  t.model->forward({1, 16, Indices::of(kText, t.backend), {}}, context, losses);
  REQUIRE(weights == of_prompt);
}

TEST_CASE("generate: token i takes draw i of the seed, and a window is the last tokens",
          "[generate]") {
  Trained t({"router.name", "dense"});
  const Choosing choosing{.temperature = 2, .top_k = 0, .seed = 9};
  Generator generator(*t.model, 16, t.backend, first(3), choosing);
  for (std::uint64_t i = 0; i < 12; ++i) {
    const std::vector<real> logits = generator.logits();
    const double u = random_uniform({.seed = 9, .purpose = Purpose::sampling}, i);
    REQUIRE(generator.next() == choose_token(logits, choosing, u));
  }
  Ids longer = first(5);
  longer.insert(longer.end(), kText.begin(), kText.end());
  Generator beyond(*t.model, 16, t.backend, longer, {});
  require_same_logits(beyond.logits(), evaluated(t, kText, 1, 15));
}

TEST_CASE("generate: a continuation needs its prompt", "[generate]") {
  Trained t({"router.name", "lory"});
  Context context;
  context.generating = Generating::continuation;
  std::vector<Loss> losses;
  REQUIRE_THROWS_AS(t.model->forward({1, 16, Indices::of(kText, t.backend), {}}, context, losses),
                    Error);
}

TEST_CASE("choose_token: frequencies are the softmax at the temperature", "[generate]") {
  const std::vector<real> logits = {real(0.5), real(-1), real(2), real(0.5), real(1.25)};
  const double temperature = 0.7;
  const int draws = 200000;
  for (const index top_k : {0, 3}) {
    std::vector<double> expected(5), counted(5);
    double sum = 0;
    for (std::size_t i = 0; i < 5; ++i) {
      const bool among = top_k == 0 || i == 2 || i == 4 || i == 0;  // of 0 and 3 the first
      expected[i] = among ? std::exp(static_cast<double>(logits[i]) / temperature) : 0;
      sum += expected[i];
    }
    const Choosing choosing{.temperature = temperature, .top_k = top_k, .seed = 0};
    for (int i = 0; i < draws; ++i)
      counted[static_cast<std::size_t>(choose_token(logits, choosing, (i + 0.5) / draws))] += 1;
    for (std::size_t i = 0; i < 5; ++i)
      REQUIRE(std::abs(counted[i] / draws - expected[i] / sum) < 2.0 / draws);
  }
}

TEST_CASE("choose_token: greedy, extremes and what is not finite", "[generate]") {
  const std::vector<real> logits = {1, 3, 3, 2};
  REQUIRE(choose_token(logits, {.temperature = 0}, 0.99) == 1);
  REQUIRE(choose_token(logits, {.temperature = 1, .top_k = 1}, 0.99) == 1);
  REQUIRE(choose_token({-1000, 1000}, {.temperature = 1e-3}, 1 - 1e-12) == 1);
  REQUIRE(choose_token({0, 0}, {}, 0.75) == 1);
  REQUIRE_THROWS_AS(choose_token({0, std::numeric_limits<real>::quiet_NaN()}, {}, 0), Error);
}

}  // namespace
}  // namespace moesim::testing
