// Tests differences, p values and quantiles against scipy 1.17.1; each value has its call beside
// it.
#include "analysis/statistics/difference.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <limits>
#include <vector>

namespace moesim::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Values = std::vector<double>;

const Values kA{2.031, 1.994, 2.012, 2.047, 1.988}, kB{2.102, 2.041, 2.087, 2.093, 2.066};

Values minus(const Values& a, const Values& b) {
  Values differences;
  for (std::size_t i = 0; i < a.size(); ++i) differences.push_back(a[i] - b[i]);
  return differences;
}

}  // namespace

TEST_CASE("difference: paired t", "[analysis]") {
  // r = stats.ttest_rel(A, B); r.pvalue, r.confidence_interval()
  const Difference difference = paired_difference(minus(kA, kB));
  CHECK(difference.method == Difference::Method::paired);
  CHECK(difference.sample.count == 5);
  CHECK(difference.freedom == 4);
  CHECK_THAT(difference.sample.mean, WithinRel(-0.0634, 1e-12));
  CHECK_THAT(difference.sample.deviation, WithinRel(0.01563009916795159, 1e-12));
  CHECK_THAT(difference.p, WithinRel(0.0008190340879079125, 1e-10));
  CHECK_THAT(difference.interval.low, WithinRel(-0.0828073314252, 1e-10));
  CHECK_THAT(difference.interval.high, WithinRel(-0.043992668574799804, 1e-10));
  // stats.ttest_rel([1, 2], [1.5, 2.25])
  const Difference two = paired_difference({-0.5, -0.25});
  CHECK_THAT(two.p, WithinRel(0.20483276469913345, 1e-10));
  CHECK_THAT(two.interval.low, WithinRel(-1.9632755920218368, 1e-10));
}

TEST_CASE("difference: Welch's t", "[analysis]") {
  // w = stats.ttest_ind(A, [1.91, 1.95, 1.88], equal_var=False); w.pvalue, w.df,
  // w.confidence_interval()
  const Difference difference = welch_difference(sample_of(kA), sample_of({1.91, 1.95, 1.88}));
  CHECK(difference.method == Difference::Method::welch);
  CHECK(difference.sample.count == 3);
  CHECK_THAT(difference.sample.mean, WithinRel(0.10106666666666686, 1e-12));
  CHECK_THAT(difference.sample.deviation, WithinRel(0.042984105589547156, 1e-12));
  CHECK_THAT(difference.p, WithinRel(0.018959096205285242, 1e-10));
  CHECK_THAT(difference.freedom, WithinRel(3.229788583644056, 1e-10));
  CHECK_THAT(difference.interval.low, WithinRel(0.03040037718168491, 1e-10));
  CHECK_THAT(difference.interval.high, WithinRel(0.1717329561516488, 1e-10));
}

TEST_CASE("difference: too few runs leave it undefined, and nothing throws", "[analysis]") {
  for (const Difference& difference :
       {paired_difference({}), paired_difference({0.5}), paired_difference({kNan, 1}),
        paired_difference({kInfinity, 1, 2}), paired_difference({1e308, -1e308, 1e308}),
        welch_difference({}, sample_of({1, 2})), welch_difference(sample_of({1}), sample_of({2})),
        welch_difference(sample_of({1, 2}), sample_of({2})),
        welch_difference(sample_of({1, kInfinity}), sample_of({2, 3}))}) {
    CHECK(std::isnan(difference.p));
    CHECK(std::isnan(difference.interval.low));
    CHECK(std::isnan(difference.detectable()));
    CHECK_FALSE(difference.significant());
  }
  CHECK(paired_difference({0.5}).sample.mean == 0.5);
}

TEST_CASE("difference: without noise every difference is one", "[analysis]") {
  const Difference some = paired_difference({0.5, 0.5, 0.5});
  CHECK(some.p == 0);
  CHECK(some.interval.low == 0.5);
  CHECK(some.interval.high == 0.5);
  CHECK(some.detectable() == 0);
  CHECK(paired_difference({0, 0}).p == 1);
  CHECK(welch_difference(sample_of({1, 1}), sample_of({2, 2})).p == 0);
  // One side without noise: Satterthwaite's freedom is the other's.
  CHECK_THAT(welch_difference(sample_of({1, 1, 1}), sample_of({2, 3, 5})).freedom,
             WithinRel(2, 1e-12));
}

TEST_CASE("difference: power of the t test", "[analysis]") {
  // c = stats.t.ppf(0.975, df); stats.nct.sf(c, df, d) + stats.nct.cdf(-c, df, d)
  CHECK_THAT(t_power(3, 2, 0.05), WithinAbs(0.38740012852597105, 1e-4));
  CHECK_THAT(t_power(5, 4, 0.05), WithinAbs(0.9548372641204013, 1e-5));
  CHECK_THAT(t_power(1.5, 9, 0.05), WithinAbs(0.2689628567484015, 1e-5));
  CHECK_THAT(t_power(4, 2.6, 0.05), WithinAbs(0.6955935483683204, 1e-4));
  // Without a difference it is the level.
  for (const double freedom : {2.0, 3.5, 19.0, 1e6})
    CHECK_THAT(t_power(0, freedom, 0.05), WithinAbs(0.05, 2e-4));
}

TEST_CASE("difference: the smallest that is detectable", "[analysis]") {
  // brentq(lambda d: power(d) - 0.8, 0, 9, xtol=1e-12), with the power above, times the error
  const double error = 0.01563009916795159 / std::sqrt(5);
  Difference alone = paired_difference(minus(kA, kB));
  CHECK_THAT(alone.detectable(), WithinRel(3.7610595538250204 * error, 1e-4));
  Values ten;
  for (int i = 0; i < 10; ++i) ten.push_back(i);
  const double of_ten = sample_of(ten).deviation / std::sqrt(10);
  std::vector<Difference> six(6, paired_difference(ten));
  CHECK_THAT(six[0].detectable(), WithinRel(3.149632886450618 * of_ten, 1e-4));
  adjust(six);  // at 0.05 / 6
  CHECK(six[0].tests == 6);
  CHECK_THAT(six[0].detectable(), WithinRel(4.33687716007524 * of_ten, 1e-4));
  for (int tests = 1; tests < 2000; tests *= 3) {  // the hardest: two runs
    Difference two = paired_difference({0.5, 0.75});
    two.tests = static_cast<std::size_t>(tests);
    CHECK_THAT(t_power(two.detectable() / two.error, 1, 0.05 / tests), WithinAbs(0.8, 1e-3));
  }
}

TEST_CASE("difference: Holm's adjustment", "[analysis]") {
  // statsmodels.stats.multitest.multipletests([...], method="holm")
  const Values adjusted = holm({0.01, 0.04, 0.03, 0.005, 0.9});
  const Values expected{0.04, 0.09, 0.09, 0.025, 0.9};
  for (std::size_t i = 0; i < expected.size(); ++i)
    CHECK_THAT(adjusted[i], WithinRel(expected[i], 1e-12));
  const Values gaps = holm({kNan, 0.02, kNan, 0.5});
  CHECK(std::isnan(gaps[0]));
  CHECK_THAT(gaps[1], WithinRel(0.04, 1e-12));
  CHECK(holm({0.6, 0.7}) == Values{1, 1});
  CHECK(holm({}).empty());
}

TEST_CASE("difference: quantiles", "[analysis]") {
  // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [0, 10, 25, 50, 90, 100])
  const Values values{3, 1, 4, 1, 5, 9, 2, 6};
  const Values at{0, 0.1, 0.25, 0.5, 0.9, 1}, expected{1, 1, 1.75, 3.5, 6.9, 9};
  for (std::size_t i = 0; i < at.size(); ++i)
    CHECK_THAT(quantile(values, at[i]), WithinRel(expected[i], 1e-12));
  CHECK(quantile({kNan, 2, kNan}, 0.3) == 2);
  CHECK(std::isnan(quantile({}, 0.5)));
}

TEST_CASE("difference: where a curve falls to a target", "[analysis]") {
  const Values x{0, 50, 100, 150};
  CHECK(first_crossing(x, {4, 3, 2, 1}, 2.5) == 75);
  CHECK(first_crossing(x, {4, 3, 2, 1}, 2) == 100);
  CHECK(first_crossing(x, {4, 3, 2, 1}, 5) == 0);         // from the start
  CHECK(first_crossing(x, {4, 2, 3, 1}, 2.5) == 37.5);    // the first of two
  CHECK(first_crossing(x, {4, kNan, 2, 1}, 2.5) == 100);  // what was before is unknown
  CHECK(first_crossing(x, {kInfinity, 3, 2, 1}, 3) == 50);
  CHECK(std::isnan(first_crossing(x, {4, 3, 2, 1}, 0.5)));
  CHECK(std::isnan(first_crossing(x, {kNan, kNan, kNan, kNan}, 2)));
  CHECK(std::isnan(first_crossing({}, {}, 2)));
}

}  // namespace moesim::testing
