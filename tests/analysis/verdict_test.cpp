// Tests the sentences of the verdict.
#include "analysis/tables/verdict.hpp"

#include "sim/core/error.hpp"
#include "tests/analysis/outcomes.hpp"

namespace moesim::testing {
namespace {

using Texts = std::vector<std::string>;

void add(std::vector<Outcome>& outcomes, const std::string& arm,
         const std::vector<double>& losses) {
  for (std::size_t seed = 0; seed < losses.size(); ++seed)
    outcomes.push_back(outcome(arm, static_cast<std::int64_t>(seed), losses[seed]));
}

Texts verdict_on(const std::vector<Outcome>& outcomes, const std::string& baseline = "") {
  return verdict(arms_of(outcomes), baseline);
}

bool says(const Texts& verdict, const std::string& sentence) {
  return std::find(verdict.begin(), verdict.end(), sentence) != verdict.end();
}

}  // namespace

// Numbers in the sentences are those of scipy.stats.ttest_rel and its confidence_interval().
TEST_CASE("verdict: better and worse, by how much and how sure", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {2.00, 2.02, 2.04});
  add(outcomes, "hash", {1.90, 1.93, 1.94});  // -0.10 -0.09 -0.10: p = 0.0011870
  add(outcomes, "lory", {2.11, 2.11, 2.14});  // 0.11 0.09 0.10: p = 0.0033223
  const Texts verdict = verdict_on(outcomes);
  CHECK(verdict ==
        Texts{"hash has the lowest loss, and every other is significantly worse",
              "hash is better than dense by 0.097 (95 %: 0.082 to 0.111; p = 0.0024 after Holm)",
              "lory is worse than dense by 0.100 (95 %: 0.075 to 0.125; p = 0.0033 after Holm)"});
}

TEST_CASE("verdict: what cannot be told apart, and what is equivalent", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {2.00, 2.02, 2.04});
  add(outcomes, "hash", {1.99, 2.03, 2.03});        // -0.01 0.01 -0.01
  add(outcomes, "same", {2.0003, 2.0202, 2.0398});  // 0.0003 0.0002 -0.0002
  const Texts verdict = verdict_on(outcomes);
  CHECK(
      says(verdict,
           "hash and dense are not separable with 3 seeds: smallest detectable difference 0.053"));
  CHECK(says(verdict,
             "same and dense are equivalent: within ± 0.00076 nats (the 95 % interval lies in ± "
             "0.005)"));
  CHECK(says(verdict, "hash has the lowest loss, but 2 of 2 others are not separable from it"));
  // Of several that are not separable from the same arm there is one list.
  add(outcomes, "remoe", {2.01, 2.03, 2.02});   // 0.01 0.01 -0.02
  add(outcomes, "worse", {2.10, 2.125, 2.14});  // significant: not in the list
  add(outcomes, "pair", {2.00, 2.05});          // of 2 seeds: a sentence of its own
  const Texts longer = verdict_on(outcomes);
  CHECK(says(longer,
             "not separable from dense with 3 seeds (smallest detectable difference): hash "
             "(0.085), remoe (0.13)"));
  CHECK(std::count_if(longer.begin(), longer.end(), [](const std::string& sentence) {
          return sentence.find("and dense are not separable with 3") != sentence.npos;
        }) == 0);
  CHECK(std::count_if(longer.begin(), longer.end(), [](const std::string& sentence) {
          return sentence.starts_with("pair and dense are not separable with 2 seeds");
        }) == 1);
  CHECK(std::count_if(longer.begin(), longer.end(), [](const std::string& sentence) {
          return sentence.starts_with("worse is worse than dense");
        }) == 1);
  // A difference that is sure and small.
  std::vector<Outcome> small;
  add(small, "dense", {2.00, 2.02, 2.04});
  add(small, "hash", {2.0021, 2.0220, 2.0419});
  CHECK(says(verdict_on(small),
             "hash is worse than dense by 0.00200 (95 %: 0.00175 to 0.00225; p < 0.001 after "
             "Holm), which is less than 0.005 nats"));
}

TEST_CASE("verdict: a baseline that is not shown may have the lowest loss", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {1.80, 1.82, 1.84});
  add(outcomes, "hash", {1.90, 1.93, 1.94});
  add(outcomes, "lory", {2.11, 2.11, 2.14});
  const RoutersOptions options{.arms = {"hash", "lory"}};
  const Table table = routers_table(outcomes, options);
  CHECK(table.bold.empty());
  CHECK(has_note(table,
                 "dense has the lowest loss of the arms chosen and the baseline, and every other "
                 "is significantly worse"));
  const Table some = routers_table(outcomes, {.arms = {"dense", "lory"}});
  CHECK(has_note(some,
                 "dense has the lowest loss of the arms chosen, and every other is significantly "
                 "worse"));
  CHECK(some.bold.size() == 1);
}

TEST_CASE("verdict: p is never rounded to its level", "[analysis]") {
  std::vector<Outcome> outcomes;
  // t = 4.32: p = 0.0496 with 2 degrees of freedom, whose 5 % are at 4.3027.
  const double spread = std::sqrt(3.0) / 4.32;
  add(outcomes, "dense", {2, 2, 2});
  add(outcomes, "hash", {3 - spread, 3, 3 + spread});
  CHECK(says(verdict_on(outcomes),
             "hash is worse than dense by 1.00 (95 %: 0.00 to 2.00; p = 0.0496 after Holm)"));
}

TEST_CASE("verdict: what is not judged is said", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {2.00, 2.02, 2.04});
  add(outcomes, "soft", {1.0, 1.1, 1.2});
  add(outcomes, "hash", {1.9});
  add(outcomes, "lory", {1.8, 1.81, 1.83});
  outcomes.push_back(outcome("lory", 7, 9, "diverged"));
  outcomes.push_back(outcome("noisy", 0, 9, "diverged"));
  const Texts verdict = verdict_on(outcomes);
  CHECK(says(verdict, "soft leaks future tokens: its loss is not comparable"));
  CHECK(says(verdict, "hash has one seed: how much of its loss is chance is unknown"));
  CHECK(says(verdict, "lory diverged with 1 of 4 seeds"));
  CHECK(says(verdict, "noisy has no complete run with an evaluation"));
  for (const std::string& sentence : verdict) {
    CHECK(sentence.find("soft is") == sentence.npos);
    CHECK(sentence.find("soft and") == sentence.npos);
  }
  CHECK(
      says(verdict,
           "lory has the lowest loss of the arms that do not look ahead, and every other with two "
           "or more seeds is significantly worse"));
}

TEST_CASE("verdict: an arm with one seed is not tested, and takes the mark from no other unseen",
          "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "dense", {2.00, 2.02, 2.04});
  add(outcomes, "lory", {2.11, 2.11, 2.14});
  add(outcomes, "hash", {2.05});  // worse: dense stays marked
  CHECK(marked_rows(comparison(outcomes, "dense")) == std::set<std::size_t>{0});
  CHECK(says(verdict_on(outcomes),
             "dense has the lowest loss, and every other with two or more seeds is significantly "
             "worse"));
  add(outcomes, "token_choice", {1.9});  // better: nobody is marked
  CHECK(comparison(outcomes, "dense").bold.empty());
  CHECK(says(verdict_on(outcomes),
             "token_choice has a lower loss than dense, of one seed: it is not tested, and no arm "
             "is marked as best"));
  CHECK(says(verdict_on(outcomes),
             "dense has the lowest loss of the arms with two or more seeds, and every other with "
             "two or more seeds is significantly worse"));
  // Also where there is nothing else to test.
  std::vector<Outcome> two;
  add(two, "dense", {2.00, 2.02, 2.04});
  add(two, "token_choice", {1.9});
  CHECK(comparison(two, "dense").bold.empty());
}

TEST_CASE("verdict: without a baseline, and without what can be compared", "[analysis]") {
  std::vector<Outcome> outcomes;
  add(outcomes, "a", {2.00, 2.02, 2.04});
  add(outcomes, "b", {2.01, 2.03, 2.01});
  CHECK(verdict_on(outcomes) ==
        Texts{"b has the lowest loss, but 1 of 1 others is not separable from it",
              "b and a are not separable with 3 seeds: smallest detectable difference 0.075"});
  CHECK_THROWS_AS(verdict_on(outcomes, "c"), Error);
  std::vector<Outcome> vocabularies;
  for (const std::int64_t seed : {0, 1}) {
    const double more = 0.1 * static_cast<double>(seed);
    vocabularies.push_back(measured("dense", seed, 2 + more, 64));
    vocabularies.push_back(measured("hash", seed, 1 + more, 65));
  }
  CHECK(verdict_on(vocabularies) ==
        Texts{"the arms differ in task, data, vocabulary or in what was evaluated: their losses "
              "are not comparable"});
}

}  // namespace moesim::testing
