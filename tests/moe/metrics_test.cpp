// Tests metrics of load, entropy, drops and agreement.
#include "sim/moe/metrics.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <vector>

namespace moesim::testing {

using namespace metrics;
using Numbers = std::vector<std::int32_t>;
using Doubles = std::vector<double>;

namespace {

const double kLog2 = std::log(2.0);

void check_all(const Doubles& got, const Doubles& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    CAPTURE(i);
    CHECK_THAT(got[i], WithinAbs(want[i], 1e-15));
  }
}

}  // namespace

TEST_CASE("metrics: the load of experts", "[moe][metrics]") {
  const Doubles load = counts(Numbers{0, 0, 1, 0, -1, 2, 1, 0, 0}, 4);
  check_all(load, {5, 2, 1, 0});
  check_all(share(load), {0.625, 0.25, 0.125, 0});
  check_all(load_factor(load), {2.5, 1, 0.5, 0});  // mean 2
  // Deviations 3, 0, -1, -2: variance 14 / 4, over a mean of 2.
  CHECK_THAT(cv(load), WithinAbs(std::sqrt(3.5) / 2, 1e-15));
  CHECK(max_over_mean(load) == 2.5);
  CHECK(max_violation(load) == 1.5);
  CHECK(dead(load) == 1);
  CHECK(starved(load) == 1);                   // below 0.2: the dead one
  CHECK(starved(load, 0.6) == 2);              // below 1.2
  CHECK(starved(Doubles{10, 10, 1, 0}) == 1);  // mean 5.25: 1 is not below 0.525
}

TEST_CASE("metrics: effective numbers", "[moe][metrics]") {
  CHECK_THAT(effective_experts(Doubles{3, 3, 3}), WithinAbs(3, 1e-14));
  CHECK_THAT(participation_ratio(Doubles{3, 3, 3}), WithinAbs(3, 1e-14));
  CHECK_THAT(effective_experts(Doubles{7, 0, 0}), WithinAbs(1, 1e-15));
  // Shares 1/2, 1/4, 1/4: entropy 1.5 log 2; Σ share² = 3/8.
  CHECK_THAT(entropy(Doubles{2, 1, 1}), WithinAbs(1.5 * kLog2, 1e-15));
  CHECK_THAT(effective_experts(Doubles{2, 1, 1}), WithinAbs(std::pow(2, 1.5), 1e-14));
  CHECK_THAT(participation_ratio(Doubles{2, 1, 1}), WithinAbs(8.0 / 3, 1e-15));
}

TEST_CASE("metrics: a load of nothing has no shape", "[moe][metrics]") {
  const Doubles none = {0, 0};
  for (const double value : {cv(none), max_over_mean(none), entropy(none), effective_experts(none),
                             participation_ratio(none), cv({}), max_over_mean({}), entropy({})})
    CHECK(std::isnan(value));
  CHECK(dead(none) == 2);
  CHECK(starved(none) == 2);
}

TEST_CASE("metrics: entropies of scores", "[moe][metrics]") {
  // One undecided token, one certain: mean entropy log 2 / 2; the mean row is (3/4, 1/4).
  const Doubles scores = {0.5, 0.5, 1, 0};
  const double marginal = -0.75 * std::log(0.75) - 0.25 * std::log(0.25);
  CHECK_THAT(row_entropy(scores, 2), WithinAbs(kLog2 / 2, 1e-15));
  CHECK_THAT(marginal_entropy(scores, 2), WithinAbs(marginal, 1e-15));
  CHECK_THAT(token_information(scores, 2), WithinAbs(marginal - kLog2 / 2, 1e-15));
  CHECK_THAT(normalised_entropy(kLog2, 2), WithinAbs(1, 1e-15));
  CHECK(normalised_entropy(0, 1) == 0);
}

TEST_CASE("metrics: drops", "[moe][metrics]") {
  // Three of six assignments are dropped; the second token loses both.
  const Doubles keep = {1, 0, 0, 0, 1, 1};
  CHECK(dropped_fraction(keep) == 0.5);
  CHECK_THAT(unrouted_fraction(keep, 2), WithinAbs(1.0 / 3, 1e-15));
}

TEST_CASE("metrics: agreement of two routings", "[moe][metrics]") {
  const Numbers a = {0, 1, 2, 3, 1, 0}, b = {1, 0, 2, 0, 1, 2};
  // Both, one, one of two; first choices differ, agree, agree.
  CHECK_THAT(agreement(a, b, 2), WithinAbs(4.0 / 6, 1e-15));
  CHECK_THAT(first_agreement(a, b, 2), WithinAbs(2.0 / 3, 1e-15));
  CHECK(agreement(a, a, 2) == 1);
}

TEST_CASE("metrics: co-activation", "[moe][metrics]") {
  // Two tokens, k = 3: 0 1 2 and 1 0 3. Expert 0 stands beside 1 twice, 2 and 3 once each.
  const Numbers choice = {0, 1, 2, 1, 0, 3};
  check_all(co_activation(choice, 3, 4), {0, 1, 0.5, 0.5, 1, 0, 0.5, 0.5, 1, 1, 0, 0, 1, 1, 0, 0});
  // Neighbours by rank only: 0-1, 1-2 and 1-0, 0-3.
  check_all(co_activation(choice, 3, 4, Pairs::adjacent),
            {0, 1, 0, 0.5, 1, 0, 0.5, 0, 0, 1, 0, 0, 1, 0, 0, 0});
}

TEST_CASE("metrics: tables of domains and experts", "[moe][metrics]") {
  const Numbers domain = {0, 0, 1, 1, -1};
  SECTION("counts and fractions") {
    const Doubles by_domain =
        metrics::table(domain, 2, Numbers{0, 1, 0, 2, 1, 2, 1, 2, 0, 1}, 2, 3);
    check_all(by_domain, {2, 1, 1, 0, 2, 2});
    check_all(row_fractions(by_domain, counts(domain, 2), 3), {1, 0.5, 0.5, 0, 1, 1});
    // The largest fraction of a row is 1 twice.
    CHECK(specialisation(by_domain, counts(domain, 2), 3) == 1);
    // A row without tokens does not count.
    CHECK(specialisation(Doubles{1, 1, 0, 0}, Doubles{2, 0}, 2) == 0.5);
  }
  SECTION("an expert per domain tells everything") {
    const Doubles by_domain = {5, 0, 0, 5};
    CHECK_THAT(information(by_domain, 2), WithinAbs(kLog2, 1e-15));
    CHECK_THAT(normalised_information(by_domain, 2), WithinAbs(1, 1e-15));
    CHECK_THAT(conditional_entropy(by_domain, 2), WithinAbs(0, 1e-15));
  }
  SECTION("the same load in every domain tells nothing") {
    const Doubles by_domain = {3, 1, 6, 2};
    CHECK_THAT(information(by_domain, 2), WithinAbs(0, 1e-15));
    CHECK_THAT(normalised_information(by_domain, 2), WithinAbs(0, 1e-15));
    CHECK_THAT(conditional_entropy(by_domain, 2), WithinAbs(entropy(Doubles{3, 1}), 1e-15));
  }
  SECTION("in between") {
    // π = (2, 0, 1, 1) / 4: H = 1.5 log 2; rows (1/2, 1/2): log 2; columns (3/4, 1/4).
    const Doubles by_domain = {2, 0, 1, 1};
    const double columns = entropy(Doubles{3, 1});
    CHECK_THAT(information(by_domain, 2), WithinAbs(kLog2 + columns - 1.5 * kLog2, 1e-15));
    CHECK_THAT(conditional_entropy(by_domain, 2), WithinAbs(0.5 * kLog2, 1e-15));
  }
  SECTION("one domain") { CHECK(normalised_information(Doubles{3, 1}, 2) == 0); }
}

}  // namespace moesim::testing
