// RatioEstimate is the ratio of the means of two paired samples, with Fieller's interval.
#pragma once

#include "analysis/statistics/sample.hpp"

#include <vector>

namespace moesim {

struct RatioEstimate {
  double value = kNone;  // mean of x / mean of y; none without pairs, or if not measurable
  // 95 % (Fieller 1954): the ρ at which a paired t test of x - ρ y does not reject 0. None with one
  // pair.
  Interval interval;
  // False if the mean of y is within its noise: the interval of y contains 0, and that of the ratio
  // is no finite one.
  bool measurable = true;
};

// x and y: values of the same pairs, in one order.
RatioEstimate ratio_of_means(const std::vector<double>& x, const std::vector<double>& y);

}  // namespace moesim
