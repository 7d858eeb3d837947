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
  // The smallest true difference that is found with a probability of 80 %, by this many runs with
  // this noise: its noncentral t exceeds the critical value so often (Cohen, 1988, §2). At 5 %
  // before `adjust`, and at 5 % / rows after it: in a table it has to be larger.
  double detectable = std::numeric_limits<double>::quiet_NaN();

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
// Sets p_holm of the rows of a table, and what is detectable there.
void adjust(std::vector<Difference>& differences);

// The q-quantile (0 to 1) of values, with linear interpolation between order statistics (type 7 of
// Hyndman and Fan, 1996; numpy's default). NaN of none. NaN values do not count.
double quantile(std::vector<double> values, double q);

// Where a curve first falls to `target`: x by linear interpolation between its points, which are in
// order of x; NaN if it never does.
double first_crossing(const std::vector<double>& x, const std::vector<double>& y, double target);

}  // namespace moesim
