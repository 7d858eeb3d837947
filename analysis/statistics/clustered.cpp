#include "analysis/statistics/clustered.hpp"

#define BOOST_MATH_NO_LONG_DOUBLE_MATH_FUNCTIONS
#include <boost/math/distributions/students_t.hpp>

#include <cmath>

namespace moesim {
namespace {

struct Total {
  double sum = 0, count = 0;
  double mean() const { return sum / count; }
};

Total total_of(const std::vector<ClusterSum>& clusters) {
  Total total;
  for (const ClusterSum& one : clusters) total.sum += one.sum, total.count += one.count;
  return total;
}

// residuals: one of each cluster that has observations; their sum is 0.
MeanEstimate estimate(double value, const std::vector<double>& residuals) {
  MeanEstimate found{.value = value, .interval = {}};
  const auto C = static_cast<double>(residuals.size());
  if (C < 2) return found;
  double squares = 0;
  for (const double each : residuals) squares += each * each;
  const double error = std::sqrt(C / (C - 1) * squares);
  const boost::math::students_t t(C - 1);
  const double half = boost::math::quantile(complement(t, 0.025)) * error;
  found.interval = {value - half, value + half};
  return found;
}

double residual(const ClusterSum& one, const Total& total) {
  return (one.sum - total.mean() * one.count) / total.count;
}

}  // namespace

MeanEstimate mean_over_clusters(const std::vector<ClusterSum>& clusters) {
  const Total total = total_of(clusters);
  if (total.count == 0) return {};
  std::vector<double> residuals;
  residuals.reserve(clusters.size());
  for (const ClusterSum& one : clusters)
    if (one.count > 0) residuals.push_back(residual(one, total));
  return estimate(total.mean(), residuals);
}

MeanEstimate difference_over_clusters(const std::vector<ClusterSum>& a,
                                      const std::vector<ClusterSum>& b) {
  const Total total_a = total_of(a), total_b = total_of(b);
  if (total_a.count == 0 || total_b.count == 0) return {};
  std::vector<double> residuals;
  residuals.reserve(a.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].count > 0 || b[i].count > 0)
      residuals.push_back(residual(a[i], total_a) - residual(b[i], total_b));
  return estimate(total_a.mean() - total_b.mean(), residuals);
}

}  // namespace moesim
