// Tests estimates over clusters against numbers worked out by hand and against t intervals.
#include "analysis/statistics/clustered.hpp"

#include "analysis/statistics/difference.hpp"
#include "tests/support/catch.hpp"

#include <cmath>

namespace moesim::testing {
namespace {

TEST_CASE("clustered: with one observation each, Student's interval of the mean", "[analysis]") {
  const std::vector<double> values = {1.5, -2, 0.25, 4, 3};
  std::vector<ClusterSum> clusters(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) clusters[i].add(values[i]);
  const MeanEstimate found = mean_over_clusters(clusters);
  const Difference student = paired_difference(values);
  CHECK_THAT(found.value, WithinAbs(student.sample.mean, 1e-14));
  CHECK_THAT(found.interval.low, WithinAbs(student.interval.low, 1e-13));
  CHECK_THAT(found.interval.high, WithinAbs(student.interval.high, 1e-13));
}

TEST_CASE("clustered: observations of a cluster count together", "[analysis]") {
  // Clusters {1, 1}, {4} and an empty one: R = 2; residuals (2 - 4) / 3 and (4 - 2) / 3.
  const MeanEstimate found = mean_over_clusters({{2, 2}, {4, 1}, {0, 0}});
  CHECK(found.value == 2);
  // error = √(2 / 1 · 8 / 9) = 4 / 3, and t = 12.7062 with one degree of freedom
  CHECK_THAT(found.interval.high - found.value, WithinAbs(12.706204736174696 * 4 / 3, 1e-9));
  CHECK_THAT(found.value - found.interval.low, WithinAbs(12.706204736174696 * 4 / 3, 1e-9));

  CHECK(mean_over_clusters({{5, 2}}).value == 2.5);
  CHECK(std::isnan(mean_over_clusters({{5, 2}}).interval.low));
  CHECK(std::isnan(mean_over_clusters({{0, 0}}).value));
}

TEST_CASE("clustered: differences cancel what clusters share", "[analysis]") {
  const std::vector<ClusterSum> a = {{3, 1}, {13, 1}, {8, 1}}, b = {{1, 1}, {11, 1}, {6, 1}};
  const MeanEstimate shared = difference_over_clusters(a, b);
  CHECK(shared.value == 2);
  CHECK_THAT(shared.interval.low, WithinAbs(2, 1e-14));
  CHECK_THAT(shared.interval.high, WithinAbs(2, 1e-14));
  // Of two other clusters each: residuals ±1/2 and ±2, error √(2/1 · (0.25 · 2 + 4 · 2)), and t with
  // one degree of freedom.
  const MeanEstimate apart =
      difference_over_clusters({{1, 1}, {3, 1}, {0, 0}, {0, 0}}, {{0, 0}, {0, 0}, {1, 1}, {9, 1}});
  CHECK(apart.value == -3);
  CHECK_THAT(apart.interval.high + 3, WithinAbs(12.706204736174696 * std::sqrt(2 * 8.5), 1e-9));
  CHECK(std::isnan(difference_over_clusters(a, {{0, 0}, {0, 0}, {0, 0}}).value));
}

// By numpy: u = √(C / (C - 1)) (y - R n) / Σ n of each kind, and scipy.stats.t.ppf(0.975, 1).
TEST_CASE("clustered: clusters without observations of a kind are none of its interval",
          "[analysis]") {
  const std::vector<ClusterSum> few = {{3, 1}, {5, 2}, {0, 0}, {0, 0}, {0, 0}, {0, 0}},
                                many = {{2, 2}, {6, 3}, {4, 1}, {9, 3}, {5, 2}, {1, 1}};
  const MeanEstimate found = difference_over_clusters(few, many);
  CHECK_THAT(found.value, WithinAbs(5.0 / 12, 1e-12));
  CHECK_THAT(found.interval.low, WithinAbs(-5.797322070931289, 1e-9));
  CHECK_THAT(found.interval.high, WithinAbs(6.630655404264623, 1e-9));
  // The residual of the only cluster of a kind is 0, which says nothing about its spread.
  const MeanEstimate one =
      difference_over_clusters({{3, 1}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}}, many);
  CHECK_THAT(one.value, WithinAbs(3 - 27.0 / 12, 1e-14));
  CHECK(std::isnan(one.interval.low));
  CHECK(std::isnan(one.interval.high));
  CHECK(std::isnan(difference_over_clusters(many, {{3, 1}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}})
                       .interval.high));
}

}  // namespace
}  // namespace moesim::testing
