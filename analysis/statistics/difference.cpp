#include "analysis/statistics/difference.hpp"

// Quantiles in double, which is exact enough: Boost would prepare tables in long double at the start
// of the program, which is slow, and which valgrind cannot do.
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/tools/toms748_solve.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace moesim {
namespace {

using boost::math::students_t;

constexpr double kLevel = 0.05;  // two-sided
constexpr double kPower = 0.8;

// Computes the interval and p value from mean, error and degrees of freedom.
void complete(Difference& difference) {
  const double freedom = difference.freedom, error = difference.error;
  if (!(freedom > 0) || !std::isfinite(freedom) || !std::isfinite(error)) return;
  const double mean = difference.sample.mean;
  if (error == 0) {  // no noise: any difference is significant
    difference.interval = {mean, mean};
    difference.p = mean == 0 ? 1 : 0;
    return;
  }
  const students_t t(freedom);
  const double half = t_factor(freedom) * error;
  difference.interval = {mean - half, mean + half};
  difference.p = 2 * cdf(complement(t, std::abs(mean / error)));
}

}  // namespace

double t_factor(double freedom) {
  return boost::math::quantile(complement(students_t(freedom), kLevel / 2));
}

Difference paired_difference(const std::vector<double>& differences) {
  Difference result;
  result.sample = sample_of(differences);
  if (differences.empty()) return result;
  result.method = Difference::Method::paired;
  const auto n = static_cast<double>(differences.size());
  result.error = result.sample.deviation / std::sqrt(n);
  result.freedom = n - 1;
  complete(result);
  return result;
}

Difference welch_difference(const Sample& arm, const Sample& baseline) {
  Difference result;
  result.sample = {std::min(arm.count, baseline.count), arm.mean - baseline.mean,
                   std::hypot(arm.deviation, baseline.deviation)};
  if (arm.count == 0 || baseline.count == 0) return result;
  result.method = Difference::Method::welch;
  const auto share = [](const Sample& sample) {  // share of the variance of the difference
    return sample.deviation * sample.deviation / static_cast<double>(sample.count);
  };
  const double a = share(arm), b = share(baseline);
  result.error = std::sqrt(a + b);
  // Satterthwaite's degrees of freedom.
  result.freedom = (a + b) * (a + b) /
                   (a * a / static_cast<double>(arm.count - 1) +
                    b * b / static_cast<double>(baseline.count - 1));
  if (a + b == 0) result.freedom = static_cast<double>(arm.count + baseline.count - 2);
  complete(result);
  return result;
}

std::vector<double> holm(const std::vector<double>& p) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < p.size(); ++i)
    if (!std::isnan(p[i])) order.push_back(i);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size(), kNone);
  double most = 0;
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    most = std::max(most, static_cast<double>(order.size() - rank) * p[order[rank]]);
    adjusted[order[rank]] = std::min(1.0, most);
  }
  return adjusted;
}

void adjust(std::vector<Difference>& differences) {
  std::vector<double> p;
  for (const Difference& difference : differences) p.push_back(difference.p);
  const std::vector<double> adjusted = holm(p);
  const auto tests = std::count_if(p.begin(), p.end(), [](double one) { return !std::isnan(one); });
  for (std::size_t i = 0; i < differences.size(); ++i) {
    differences[i].p_holm = adjusted[i];
    differences[i].tests = std::max<std::size_t>(1, static_cast<std::size_t>(tests));
  }
}

double t_power(double noncentrality, double freedom, double level) {
  constexpr double kLargest = 1000;  // above this, t equals the normal to three digits
  const double degrees = std::min(freedom, kLargest);
  const double critical = boost::math::quantile(complement(students_t(degrees), level / 2));
  const boost::math::chi_squared squares(degrees);
  const auto scale_below = [&](double bound) {  // P(S <= bound), S = sqrt(chi^2 / degrees)
    return bound > 0 ? cdf(squares, degrees * bound * bound) : 0.0;
  };
  // Integrates over Z by Simpson's rule.
  constexpr double kEnd = 8.5;
  const int parts = 2 * (200 + static_cast<int>(20 * std::sqrt(degrees)));
  const double width = 2 * kEnd / parts;
  double sum = 0;
  for (int i = 0; i <= parts; ++i) {
    const double z = -kEnd + i * width;
    const double weight = i == 0 || i == parts ? 1 : i % 2 == 1 ? 4 : 2;
    sum +=
        weight * std::exp(-z * z / 2) *
        (scale_below((z + noncentrality) / critical) + scale_below((z - noncentrality) / critical));
  }
  return sum * width / 3 / std::sqrt(2 * std::numbers::pi);
}

double Difference::detectable() const {
  if (std::isnan(p)) return kNone;
  if (error == 0) return 0;
  const double level = kLevel / static_cast<double>(tests);
  const auto lacking = [&](double noncentrality) {
    return t_power(noncentrality, freedom, level) - kPower;
  };
  double low = 0, high = 4;
  while (lacking(high) < 0) low = high, high *= 2;
  std::uintmax_t iterations = 100;
  const auto [from, to] = boost::math::tools::toms748_solve(
      lacking, low, high, boost::math::tools::eps_tolerance<double>(24), iterations);
  return (from + to) / 2 * error;
}

double quantile(std::vector<double> values, double q) {
  std::erase_if(values, [](double value) { return std::isnan(value); });
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(std::floor(place));
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

double first_crossing(const std::vector<double>& x, const std::vector<double>& y, double target) {
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!(y[i] <= target)) continue;
    if (i == 0 || !std::isfinite(y[i - 1])) return x[i];
    return x[i - 1] + (x[i] - x[i - 1]) * (y[i - 1] - target) / (y[i - 1] - y[i]);
  }
  return kNone;
}

}  // namespace moesim
