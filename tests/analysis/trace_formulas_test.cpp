// Tests the formulas of analysis/traces with numbers worked out by hand, and with planted routings.
#include "analysis/traces/coactivation.hpp"
#include "analysis/traces/collapse.hpp"
#include "analysis/traces/information.hpp"
#include "analysis/traces/label_counts.hpp"
#include "analysis/traces/overlap.hpp"
#include "analysis/traces/repetition.hpp"
#include "analysis/traces/shuffles.hpp"
#include "sim/core/assignment_problem.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace moesim::testing {
namespace {

using Ints = std::vector<std::int32_t>;

void check_close(double got, double expected, double tolerance = 1e-12) {
  CHECK(std::abs(got - expected) <= tolerance);
}

Ints random_ints(std::size_t count, std::int32_t below, unsigned seed) {
  std::mt19937 random(seed);
  Ints values(count);
  for (std::int32_t& value : values)
    value = static_cast<std::int32_t>(random() % static_cast<unsigned>(below));
  return values;
}

Information information_with(const Ints& label, std::size_t labels, const TokenChoices& choices) {
  PairCounts counts = labels_by_expert(label, labels, choices);
  return information_of(counts);
}

}  // namespace

TEST_CASE("traces: choices of a layer are by rank", "[analysis][analyze]") {
  // Token 0: experts 2, 0; token 1: none; token 2: experts 1, 2.
  TraceLayer layer;
  layer.begin = {0, 1, 2, 4};
  layer.token = {0, 2, 0, 2};
  layer.choice = {1, 0, 0, 1};
  TokenChoices choices;
  choices.experts = 3;
  append_choices(choices, layer, 3);
  append_choices(choices, layer, 3);  // a second trace
  CHECK(choices.begin == std::vector<std::uint32_t>{0, 2, 2, 4, 6, 6, 8});
  CHECK(choices.expert == Ints{2, 0, 1, 2, 2, 0, 1, 2});
  CHECK(choices.first(1) == -1);
  CHECK(choices.load() == std::vector<double>{2, 2, 4});
  CHECK(first_choices(choices).expert == Ints{2, 1, 2, 1});
  CHECK(choices_of_table(Ints{2, 0, -1, -1, 1, 2}, 2, 3).begin ==
        std::vector<std::uint32_t>{0, 2, 2, 4});
}

TEST_CASE("traces: a sorted table counts as a dense one", "[analysis][analyze]") {
  constexpr std::size_t kRows = std::size_t{1} << 23;  // not dense
  PairCounts small(8, 8), large(kRows, 8);
  const Ints row = random_ints(1000, 8, 1), col = random_ints(1000, 8, 2);
  for (std::size_t i = 0; i < row.size(); ++i) {
    small.add(static_cast<std::size_t>(row[i]), static_cast<std::size_t>(col[i]));
    large.add(static_cast<std::size_t>(row[i]), static_cast<std::size_t>(col[i]));
  }
  using Entries = std::vector<std::vector<std::uint64_t>>;
  Entries of_small, of_large;
  small.each([&](std::size_t r, std::size_t c, std::uint64_t n) { of_small.push_back({r, c, n}); });
  large.each([&](std::size_t r, std::size_t c, std::uint64_t n) { of_large.push_back({r, c, n}); });
  CHECK(of_small == of_large);
  CHECK(of_small.size() == 64);
}

TEST_CASE("traces: co-activation by hand", "[analysis][analyze]") {
  // Tokens 0 1 2, 0 2 1, 1 3 0: N = 3 3 2 1; N_01 = 3, N_02 = 2, N_03 = 1.
  const TokenChoices choices = choices_of_table(Ints{0, 1, 2, 0, 2, 1, 1, 3, 0}, 3, 4);
  PairCounts all = chosen_together(choices, false);
  const std::vector<Coactivation> rows = coactivations(all, choices.load());
  REQUIRE(rows.size() == 10);  // all but 2-3
  CHECK(rows[0].j == 1);
  CHECK(rows[0].probability == 1);
  check_close(rows[1].probability, 2.0 / 3);
  check_close(rows[1].expected, 2.0 * 2 / 6);        // two other choices; 2 of the 6 that are not 0
  PairCounts near = chosen_together(choices, true);  // 0-1, 1-2, 0-2, 2-1, 1-3, 3-0
  std::vector<double> together;
  near.each([&](std::size_t, std::size_t, std::uint64_t n) {
    together.push_back(static_cast<double>(n));
  });
  CHECK(together == std::vector<double>{1, 1, 1, 1, 2, 1, 1, 2, 1, 1});
}

TEST_CASE("traces: information by hand", "[analysis][analyze]") {
  // Counts 3 1 / 1 3: I = log 2 - H(1/4) = 0.1308; every cell occurs, so Miller and Madow take 1/16.
  PairCounts counts(2, 2);
  for (const int n : {0, 0, 0, 1}) counts.add(0, static_cast<std::size_t>(n));
  for (const int n : {0, 1, 1, 1}) counts.add(1, static_cast<std::size_t>(n));
  const Information found = information_of(counts);
  const double h = -0.25 * std::log(0.25) - 0.75 * std::log(0.75);
  check_close(found.plug_in(), std::log(2.0) - h);
  check_close(found.miller_madow(), std::log(2.0) - h - 1.0 / 16);
  check_close(found.over_rows(), 1 - h / std::log(2.0));
  check_close(found.conditional(), h);
  // Domains that decide the expert: NMI 1, and nothing is left to shuffles.
  const Ints domain = random_ints(500, 4, 3);
  Ints expert = domain;
  for (std::int32_t& e : expert) e = 5 - e;
  const TokenChoices planted = choices_of_table(expert, 1, 6);
  const Information decided = information_with(domain, 4, planted);
  check_close(decided.over_rows(), 1);
  check_close(decided.over_smaller(), 1);
  const Baseline chance =
      baseline_of(shuffled_information(domain, 4, planted, {200, 0}), decided.plug_in());
  CHECK(chance.interval.high < 0.05);
  check_close(chance.p, 1.0 / 201);
}

TEST_CASE("traces: shuffles keep margins, and random routing lies within their interval",
          "[analysis][analyze]") {
  // A shuffle is a permutation, the same for the same key.
  Ints values(100), again(100), other(100);
  std::iota(values.begin(), values.end(), 0);
  again = other = values;
  shuffle(values, 3, 7), shuffle(again, 3, 7), shuffle(other, 4, 7);
  CHECK(values == again);
  CHECK(values != other);
  CHECK(std::is_permutation(values.begin(), values.end(), other.begin()));
  // 95 % of 100 random routings, with few and with many experts: 4096 for 128 tokens.
  const auto inside = [](std::size_t tokens, std::int32_t experts, std::size_t k, unsigned seed) {
    const Ints domain = random_ints(tokens, 8, seed);
    const TokenChoices random =
        choices_of_table(random_ints(tokens * k, experts, seed + 1000), k, experts);
    const double found = information_with(domain, 8, random).plug_in();
    const Baseline chance =
        baseline_of(shuffled_information(domain, 8, random, {200, seed}), found);
    return found >= chance.interval.low - 1e-12 && found <= chance.interval.high + 1e-12;
  };
  int few = 0, many = 0, pairs = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    few += inside(1000, 8, 1, seed);
    many += inside(128, 4096, 1, seed);
    pairs += inside(500, 16, 2, seed);
  }
  CHECK(few >= 89);
  CHECK(few <= 100);
  CHECK(many >= 89);
  CHECK(pairs >= 89);
  // The table of a few experts is dense, that of many sorted: they agree.
  const Ints label = random_ints(300, 40, 5), expert = random_ints(300, 5, 6);
  const TokenChoices dense = choices_of_table(expert, 1, 5),
                     wide = choices_of_table(expert, 1, 900);
  const auto a = shuffled_information(label, 40, dense, {5, 1});
  const auto b = shuffled_information(label, 40, wide, {5, 1});
  for (std::size_t i = 0; i < a.size(); ++i) check_close(a[i], b[i]);
  // Unshuffled labels have the same information here as in the table.
  Ints same(300, 0);
  check_close(shuffled_information(same, 1, dense, {1, 0})[0], 0);
}

TEST_CASE("traces: few shuffles have an interval by Student's t", "[analysis][analyze]") {
  const Baseline baseline = baseline_of({1, 2, 3}, 3);
  check_close(baseline.mean, 2);
  check_close(baseline.interval.high, 2 + 4.302652729911275 * std::sqrt(4.0 / 3), 1e-9);
  check_close(baseline.p, 0.5);
  CHECK(std::isnan(baseline_of({1}, 1).interval.low));
}

TEST_CASE("traces: repetition by hand", "[analysis][analyze]") {
  // Two sequences of three tokens: 0 0 1 | 1 0 0. Pairs 00 01 | 10 00: half repeat; π = 4/6, 2/6.
  const Repetition one = repetition_of(choices_of_table(Ints{0, 0, 1, 1, 0, 0}, 1, 2), 3, 6);
  CHECK(one.pairs == 4);
  check_close(one.first, 0.5);
  check_close(one.first_chance, 20.0 / 36);
  check_close(one.either_chance, 20.0 / 36);
  // All 28 pairs of 8 experts equally often: 1/8 would repeat, and 13/28 have an expert in common.
  Ints pairs;
  for (std::int32_t i = 0; i < 8; ++i)
    for (std::int32_t j = 0; j < i; ++j) pairs.insert(pairs.end(), {i, j, j, i});
  const TokenChoices all = choices_of_table(pairs, 2, 8);
  const Repetition two = repetition_of(all, 2, static_cast<std::int64_t>(all.tokens()));
  check_close(two.first_chance, 1.0 / 8);
  check_close(two.either_chance, 13.0 / 28);
  CHECK(two.pairs == 28);
  CHECK(two.first == 0);
  CHECK(two.either == 1);  // i j and j i follow each other
}

TEST_CASE("traces: permuted copies agree once their experts are matched", "[analysis][analyze]") {
  const std::size_t kExperts = 64;
  Ints chosen = random_ints(2000, 64, 9), renamed = chosen;
  std::vector<std::int32_t> name(kExperts);
  std::iota(name.begin(), name.end(), 0);
  shuffle(name, 0, 0);
  for (std::int32_t& e : renamed) e = name[static_cast<std::size_t>(e)];
  const TokenChoices a = choices_of_table(chosen, 2, 64), b = choices_of_table(renamed, 2, 64);
  const std::vector<std::int64_t> common = common_tokens(a, b);
  const std::vector<double> gains(common.begin(), common.end());
  const std::vector<index> column = best_matching(gains, kExperts).column_of;
  const std::vector<std::size_t> partner(column.begin(), column.end());
  for (std::size_t e = 0; e < kExperts; ++e) CHECK(partner[e] == static_cast<std::size_t>(name[e]));
  const Overlap matched = overlap_of(a, b, partner), plain = overlap_of(a, b);
  CHECK(matched.share == 1);
  CHECK(matched.first == 1);
  CHECK(plain.share < 0.2);
  check_close(plain.chance, 2.0 / 64);
  // By hand: {0, 1} and {1, 2} have one of two, {0, 1} and {0, 1} both; first choices: one of two.
  const Overlap hand = overlap_of(choices_of_table(Ints{0, 1, 0, 1}, 2, 3),
                                  choices_of_table(Ints{1, 2, 0, 1}, 2, 3));
  check_close(hand.share, 0.75);
  check_close(hand.first, 0.5);
  check_close(hand.chance, 2.0 / 3);
}

TEST_CASE("traces: a load is fine, uneven or collapsed", "[analysis][analyze]") {
  const auto judge = [](const std::vector<double>& load, double tokens) {
    return judge_load(load, tokens, {});
  };
  CHECK(judge({100, 100, 100, 100}, 400).word == "fine");
  check_close(judge({100, 100, 100, 100}, 200).evenness, 1);
  const LoadVerdict uneven = judge({190, 0, 9, 201}, 400);
  CHECK(uneven.word == "uneven");
  CHECK(uneven.dead == 1);
  CHECK(uneven.starved == 2);  // 9 < 0.1 · 100
  check_close(uneven.max_violation, 1.01);
  CHECK(judge({100, 210, 45, 45}, 400).word == "uneven");  // MaxVio 1.1
  CHECK(judge({400, 0, 0, 0}, 400).word == "collapsed");
  CHECK(judge({200, 200, 0, 0}, 200).word == "collapsed");  // the same two experts for all
  check_close(judge({200, 200, 0, 0}, 200).evenness, 0);
  CHECK(judge({200, 200, 0, 0}, 400).word == "uneven");
  CHECK(judge({4, 0, 0, 0}, 4).word.empty());
  CHECK(worst_word({"fine", "", "uneven"}) == "uneven");
}

}  // namespace moesim::testing
