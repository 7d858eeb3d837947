#include "analysis/statistics/ratio.hpp"

#include "analysis/statistics/difference.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

// With q = t² / n and the sample variances s, the bounds are the roots of
//   (ȳ² - q s_yy) ρ² - 2 (x̄ ȳ - q s_xy) ρ + (x̄² - q s_xx) = 0.
RatioEstimate ratio_of_means(const std::vector<double>& x, const std::vector<double>& y) {
  RatioEstimate result;
  const Sample xs = sample_of(x), ys = sample_of(y);
  if (x.empty()) return result;
  result.measurable = ys.mean != 0;
  if (x.size() > 1) {
    const auto n = static_cast<double>(x.size());
    const double t = t_factor(n - 1), q = t * t / n;
    double sxy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) sxy += (x[i] - xs.mean) * (y[i] - ys.mean) / (n - 1);
    const double a = ys.mean * ys.mean - q * ys.deviation * ys.deviation;
    const double b = xs.mean * ys.mean - q * sxy;
    const double c = xs.mean * xs.mean - q * xs.deviation * xs.deviation;
    result.measurable = a > 0;
    const double root = std::sqrt(std::max(0.0, b * b - a * c));
    if (result.measurable) result.interval = {(b - root) / a, (b + root) / a};
  }
  if (result.measurable) result.value = xs.mean / ys.mean;
  return result;
}

}  // namespace moesim
