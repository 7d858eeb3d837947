// Difference is how far the means of two arms are apart, and how sure that is.
#pragma once

#include "analysis/statistics/sample.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace moesim {

// All intervals and tests are two-sided at 5 %; values are NaN where too few runs leave them
// undefined.
struct Difference {
  enum class Method { none, paired, welch };

  Method method = Method::none;
  // paired: of the differences by seed. welch: count is the smaller n, mean the difference of the
  // means, deviation that of the difference of two runs, sqrt(s_a^2 + s_b^2).
  Sample sample;
  double error = std::numeric_limits<double>::quiet_NaN();    // standard error of the mean
  double freedom = std::numeric_limits<double>::quiet_NaN();  // degrees of freedom of the t
  Interval interval;                                          // 95 %
  double p = std::numeric_limits<double>::quiet_NaN();
  double p_holm = std::numeric_limits<double>::quiet_NaN();  // over the rows of a table
  std::size_t tests = 1;  // those that p_holm is adjusted over, this one included

  // The smallest true difference that is found with a probability of 80 %, by this many runs with
  // this noise (Cohen, 1988, §2): at 5 % / tests, the first step of Holm's adjustment, so that it
  // is found whatever the other rows are.
  double detectable() const;

  bool significant() const { return p_holm < 0.05; }  // false where it is undefined
};

using BySeed = std::map<std::int64_t, double>;

// Student's paired t of differences by seed.
Difference paired_difference(const std::vector<double>& differences);
// Welch's t (1947), with the degrees of freedom of Satterthwaite (1946); undefined where one has
// fewer than two values.
Difference welch_difference(const Sample& arm, const Sample& baseline);

// Holm's step-down adjustment (1979) of p values, in their order; NaN stay NaN and do not count.
std::vector<double> holm(const std::vector<double>& p);
// Sets p_holm and tests of the rows of a table.
void adjust(std::vector<Difference>& differences);

// How often the two-sided t test at `level` finds a difference of `noncentrality` standard errors:
// P(|T| > c) of T = (Z + noncentrality) / S, with Z normal and S^2 = chi^2 / freedom.
double t_power(double noncentrality, double freedom, double level);

// The q-quantile (0 to 1) of values, with linear interpolation between order statistics (type 7 of
// Hyndman and Fan, 1996; numpy's default). NaN of none. NaN values do not count.
double quantile(std::vector<double> values, double q);

// Where a curve first falls to `target`: x by linear interpolation between its points, which are in
// order of x; NaN if it never does.
double first_crossing(const std::vector<double>& x, const std::vector<double>& y, double target);

}  // namespace moesim
