// Tests the policy that assigns the places of limited capacity.
#include "sim/moe/policies/places.hpp"

#include "tests/support/policy.hpp"

namespace moesim::testing {
namespace {

using Numbers = std::vector<std::int32_t>;

// Two sequences of two tokens, two experts.
const Site kSite{.width = 1, .experts = 2, .batch = 2, .length = 2};

// All four tokens choose expert 0; their scores of it are 0.6 0.9 0.8 0.7.
Assignment plan(const OptionValues& options, bool training = false) {
  Context context;
  context.training = training;
  const Tokens tokens = tokens_of(table(4, 1, {1, 2, 3, 4}), 2, 2, {}, context);
  const Tensor scores = table(4, 2, {0.6, 0.4, 0.9, 0.1, 0.8, 0.2, 0.7, 0.3});
  const Tensor gates = table(4, 1, {0.6, 0.9, 0.8, 0.7});
  return policy<Places>(options, kSite, index(1))
      .assign(numbers({0, 0, 0, 0}), gates, scores, tokens);
}

// Tokens with a place; on a device padding rows (-1) follow them.
Numbers kept(const OptionValues& options, bool training = false) {
  Numbers tokens = plan(options, training).token.to_host();
  while (!tokens.empty() && tokens.back() < 0) tokens.pop_back();
  return tokens;
}

}  // namespace

TEST_CASE("places: by group, by order, in training and evaluation", "[moe][policies]") {
  // One place of an expert in each sequence, or two in the batch.
  CHECK(kept({{"capacity_factor_eval", "1"}}) == Numbers{0, 2});
  CHECK(kept({{"capacity_factor_eval", "1"}, {"fill", "priority"}}) == Numbers{1, 2});
  CHECK(kept({{"capacity_factor_eval", "1"}, {"group", "batch"}}) == Numbers{0, 1});
  CHECK(kept({{"capacity_factor_eval", "1"}, {"group", "batch"}, {"fill", "priority"}}) ==
        Numbers{1, 2});
  CHECK(kept({{"capacity", "3"}, {"group", "batch"}}) == Numbers{0, 1, 2});
  CHECK(kept({}) == Numbers{0, 1, 2, 3});  // 2 · 2 / 2 = 2 in each sequence
  CHECK(kept({{"capacity_factor", "0.5"}}, true) == Numbers{0, 2});
  CHECK(kept({{"capacity_factor", "0.5"}}, false) == Numbers{0, 1, 2, 3});
  CHECK(kept({{"capacity_factor_eval", "0"}}) == Numbers{0, 1, 2, 3});
}

TEST_CASE("places: a token without any may keep its input, by its first gate", "[moe][policies]") {
  CHECK_FALSE(plan({{"capacity_factor_eval", "1"}}).bypass);
  check_values(plan({{"capacity_factor_eval", "1"}, {"dropped", "input"}}).bypass,
               {0, 0.9, 0, 0.7});
}

TEST_CASE("places: which other tokens decide about a choice", "[moe][policies]") {
  const auto sees = [](const OptionValues& options, index k) {
    const Sees seen = policy<Places>(options, kSite, k).sees();
    return std::pair(seen.later_tokens, seen.other_sequences);
  };
  using Pair = std::pair<bool, bool>;
  CHECK(sees({}, 2) == Pair(false, false));
  CHECK(sees({{"fill", "choice"}}, 1) == Pair(false, false));
  CHECK(sees({{"fill", "choice"}, {"capacity_factor", "0.5"}}, 2) == Pair(true, false));
  CHECK(sees({{"fill", "priority"}}, 1) == Pair(true, false));
  CHECK(sees({{"group", "batch"}}, 1) == Pair(false, true));
  CHECK(sees({{"fill", "priority"}, {"group", "batch"}}, 1) == Pair(true, true));
  OptionValues dropless = {{"capacity_factor", "0"}, {"capacity_factor_eval", "0"}};
  dropless["fill"] = "priority";
  CHECK(sees(dropless, 1) == Pair(false, false));
  dropless["capacity"] = "1";
  CHECK(sees(dropless, 1) == Pair(true, false));
}

TEST_CASE("places: a token that takes all experts depends on no other", "[moe][policies]") {
  const auto sees = [](OptionValues options) {
    options["fill"] = "choice", options["group"] = "batch";
    const Sees seen = policy<Places>(options, kSite, index(2)).sees();
    return seen.later_tokens || seen.other_sequences;
  };
  CHECK_FALSE(sees({}));
  CHECK(sees({{"capacity_factor", "0.9"}}));
  CHECK(sees({{"capacity_factor_eval", "0.9"}}));
  CHECK(sees({{"capacity_per_choice", "false"}}));
  CHECK(sees({{"capacity", "9"}}));
}

TEST_CASE("places: rows of a training pass", "[moe][policies]") {
  const auto rows = [](const OptionValues& options, index k, index tokens) {
    return policy<Places>(options, kSite, k).expert_rows(tokens);
  };
  CHECK(rows({{"capacity_factor", "0"}}, 2, 8) == 16);
  CHECK(rows({{"capacity_factor", "0.5"}}, 1, 8) == 8);  // never less than one place: 4 · 2 · 1
  CHECK(rows({{"capacity", "1"}}, 2, 8) == 8);           // of a demand of 16
  CHECK(rows({{"capacity", "1"}, {"group", "batch"}}, 2, 8) == 2);
}

TEST_CASE("places: the largest gates or logits of an expert", "[moe][policies]") {
  CHECK(kept({{"capacity_factor_eval", "1"}, {"fill", "gate"}}) == Numbers{1, 2});
  CHECK(kept({{"capacity", "3"}, {"fill", "gate"}, {"group", "batch"}}) == Numbers{1, 2, 3});
  CHECK(kept({{"fill", "gate"}}) == Numbers{0, 1, 2, 3});
  // Tokens 0 and 2 choose expert 0 with logits -1 and 3, tokens 1 and 3 expert 1 with -2 and 1: of
  // expert 0's column (-1, 0, 3, 0) the two largest are token 2 and the 0 of token 1.
  Context context;
  const Tokens tokens = tokens_of(table(4, 1, {1, 2, 3, 4}), 1, 4, {}, context);
  const Tensor logits = table(4, 2, {-1, -9, -9, -2, 3, 0, 0, 1}),
               gates = table(4, 1, {1, 1, 1, 1});
  const auto places = policy<Places>({{"capacity", "2"}, {"fill", "logit"}}, kSite, index(1));
  CHECK(places.keep(numbers({0, 1, 0, 1}), gates, logits, logits, tokens).to_host() ==
        Numbers{-1, -1, 0, 1});
  CHECK(places.sees().later_tokens);
}

}  // namespace moesim::testing
