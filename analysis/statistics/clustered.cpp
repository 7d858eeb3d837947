#include "analysis/statistics/clustered.hpp"

#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

struct Total {
  double sum = 0, count = 0;
  double clusters = 0;  // that have observations
  double mean() const { return sum / count; }
};

Total total_of(const std::vector<ClusterSum>& clusters) {
  Total total;
  for (const ClusterSum& one : clusters) {
    total.sum += one.sum, total.count += one.count;
    if (one.count > 0) ++total.clusters;
  }
  return total;
}

// clusters: those that have observations, at least two.
MeanEstimate estimate(double value, double clusters, double squared_error) {
  const boost::math::students_t t(clusters - 1);
  const double half = boost::math::quantile(complement(t, 0.025)) * std::sqrt(squared_error);
  return {.value = value, .interval = {value - half, value + half}};
}

// √(C / (C - 1)) (y - R n) / Σ n of a cluster: the squares add up to the squared standard error.
double residual(const ClusterSum& one, const Total& total) {
  return std::sqrt(total.clusters / (total.clusters - 1)) * (one.sum - total.mean() * one.count) /
         total.count;
}

}  // namespace

MeanEstimate mean_over_clusters(const std::vector<ClusterSum>& clusters) {
  const Total total = total_of(clusters);
  if (total.clusters < 2) return {.value = total.mean(), .interval = {}};
  double squares = 0;
  for (const ClusterSum& one : clusters) {
    const double own = residual(one, total);
    squares += own * own;
  }
  return estimate(total.mean(), total.clusters, squares);
}

MeanEstimate difference_over_clusters(const std::vector<ClusterSum>& a,
                                      const std::vector<ClusterSum>& b) {
  const Total total_a = total_of(a), total_b = total_of(b);
  const double value = total_a.mean() - total_b.mean();
  const double clusters = std::min(total_a.clusters, total_b.clusters);
  if (clusters < 2) return {.value = value, .interval = {}};
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double own = residual(a[i], total_a) - residual(b[i], total_b);
    squares += own * own;
  }
  return estimate(value, clusters, squares);
}

}  // namespace moesim
