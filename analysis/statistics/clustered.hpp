// Clustered estimates are means over observations that come in clusters, such as the tokens of
// sequences, with intervals that hold although those of a cluster depend on each other.
#pragma once

#include "analysis/statistics/sample.hpp"

#include <cstddef>
#include <vector>

namespace moesim {

// The sum and the number of the observations of one cluster.
struct ClusterSum {
  double sum = 0, count = 0;

  void add(double value) { sum += value, ++count; }
};

struct MeanEstimate {
  double value = kNone;
  // 95 %, by Student's t with C - 1 degrees of freedom; none if C < 2.
  Interval interval;
};

// The mean over all observations, R = Σ y / Σ n, as a ratio of sums over the C clusters that have
// observations, y and n of each. Its standard error is √(C / (C - 1) · Σ (y - R n)²) / Σ n (Cochran 1977, equation 6.4,
// without the finite population correction). NaN without observations.
MeanEstimate mean_over_clusters(const std::vector<ClusterSum>& clusters);

// The difference of the means of two kinds of observations, a - b, of the same clusters. With
// u(i) = √(C / (C - 1)) (y(i) - R n(i)) / Σ n of each kind, its standard error is √(Σ (u_a(i) - u_b(i))²):
// what the kinds share in a cluster does not widen the interval. C counts the clusters that have
// observations of the kind; the degrees of freedom are those of the kind with fewer.
MeanEstimate difference_over_clusters(const std::vector<ClusterSum>& a,
                                      const std::vector<ClusterSum>& b);

}  // namespace moesim
