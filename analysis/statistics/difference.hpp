// Difference is the difference between the means of two arms, with its standard error, confidence
// interval and p value.
#pragma once

#include "analysis/statistics/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace moesim {

// All intervals and tests are two-sided at 5 %. Values are NaN where there are too few runs.
struct Difference {
  enum class Method { none, paired, welch };

  Method method = Method::none;
  // paired: the differences by seed. welch: count is the smaller n, mean the difference of the
  // means, deviation sqrt(s_a^2 + s_b^2), the deviation of the difference of two runs.
  Sample sample;
  double error = std::numeric_limits<double>::quiet_NaN();    // standard error of the mean
  double freedom = std::numeric_limits<double>::quiet_NaN();  // degrees of freedom of the t
  Interval interval;                                          // 95 %
  double p = std::numeric_limits<double>::quiet_NaN();
  double p_holm = std::numeric_limits<double>::quiet_NaN();  // adjusted over the rows of a table
  std::size_t tests = 1;                                     // number of tests in the adjustment

  // Returns the smallest true difference that this number of runs finds with probability 80 % under
  // this noise (Cohen, 1988, §2). The level is 5 % / tests, the first step of Holm's adjustment, so
  // that the result does not depend on the other rows.
  double detectable() const;

  bool significant() const { return p_holm < 0.05; }  // false if undefined
};

// The standard errors from the mean to either end of a 95 % interval: the 97.5 % quantile of
// Student's t.
double t_factor(double freedom);

using BySeed = std::map<std::int64_t, double>;

// Returns Student's paired t test of differences by seed.
Difference paired_difference(const std::vector<double>& differences);
// Returns Welch's t test (1947) with Satterthwaite's degrees of freedom (1946); undefined if either
// sample has fewer than two values.
Difference welch_difference(const Sample& arm, const Sample& baseline);

// Applies Holm's step-down adjustment (1979) to p values; keeps their order. NaN values stay NaN
// and do not count.
std::vector<double> holm(const std::vector<double>& p);
// Sets p_holm and tests of all rows of a table.
void adjust(std::vector<Difference>& differences);

// Returns the power of the two-sided t test at `level` for a difference of `noncentrality` standard
// errors:
// P(|T| > c) of T = (Z + noncentrality) / S, with Z normal and S^2 = chi^2 / freedom.
double t_power(double noncentrality, double freedom, double level);

// Returns the q-quantile (0 to 1) of values by linear interpolation between order statistics (type
// 7 of Hyndman and Fan, 1996; numpy's default). NaN values do not count; NaN if there are no
// values.
double quantile(std::vector<double> values, double q);

// Returns the x at which a curve first falls to `target`, by linear interpolation between points in
// ascending order of x; NaN if it never does.
double first_crossing(const std::vector<double>& x, const std::vector<double>& y, double target);

}  // namespace moesim
