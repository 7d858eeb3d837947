#include "analysis/statistics/difference.hpp"

#include <boost/math/distributions/non_central_t.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/tools/toms748_solve.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

using boost::math::students_t;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kLevel = 0.05;  // two-sided
constexpr double kPower = 0.8;

// Of a difference of `error` with `freedom` degrees of freedom, tested at `level`; see
// Difference::detectable.
double detectable_at(double level, double error, double freedom) {
  const students_t t(freedom);
  const double critical = boost::math::quantile(complement(t, level / 2));
  const auto power_lacking = [&](double noncentrality) {
    const boost::math::non_central_t shifted(freedom, noncentrality);
    return cdf(complement(shifted, critical)) + cdf(shifted, -critical) - kPower;
  };
  double high = critical;
  while (power_lacking(high) < 0) high *= 2;
  std::uintmax_t iterations = 100;
  const auto [low, end] = boost::math::tools::toms748_solve(
      power_lacking, 0.0, high, boost::math::tools::eps_tolerance<double>(40), iterations);
  return (low + end) / 2 * error;
}

// From mean, error and freedom to what follows of them.
void complete(Difference& difference) {
  const double freedom = difference.freedom, error = difference.error;
  if (!(freedom > 0) || !std::isfinite(freedom) || !std::isfinite(error)) return;
  const double mean = difference.sample.mean;
  if (error == 0) {  // no noise at all: every difference is one
    difference.interval = {mean, mean};
    difference.p = mean == 0 ? 1 : 0;
    difference.detectable = 0;
    return;
  }
  const students_t t(freedom);
  const double half = boost::math::quantile(complement(t, kLevel / 2)) * error;
  difference.interval = {mean - half, mean + half};
  difference.p = 2 * cdf(complement(t, std::abs(mean / error)));
  difference.detectable = detectable_at(kLevel, error, freedom);
}

}  // namespace

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
  const auto share = [](const Sample& sample) {  // of the variance of the difference
    return sample.deviation * sample.deviation / static_cast<double>(sample.count);
  };
  const double a = share(arm), b = share(baseline);
  result.error = std::sqrt(a + b);
  // Satterthwaite.
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
  // Holm's first step, which finds what it finds whatever the other rows are.
  const auto tests = std::count_if(p.begin(), p.end(), [](double one) { return !std::isnan(one); });
  for (std::size_t i = 0; i < differences.size(); ++i) {
    Difference& difference = differences[i];
    difference.p_holm = adjusted[i];
    if (difference.detectable > 0)
      difference.detectable =
          detectable_at(kLevel / static_cast<double>(tests), difference.error, difference.freedom);
  }
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
