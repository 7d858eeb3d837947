// Sample is the mean and sample standard deviation of values over seeds; Interval is a confidence
// interval.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace moesim {

// kNone stands for a number that does not exist; tables leave its cell empty.
inline constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// Undefined values are NaN: the mean of no values, the deviation of fewer than two.
struct Sample {
  std::size_t count = 0;
  double mean = 0;
  double deviation = 0;  // sample standard deviation (n - 1)
};

struct Interval {
  double low = kNone;
  double high = kNone;
};

Sample sample_of(const std::vector<double>& values);

// Returns the median: the mean of the middle two values if their number is even, NaN if there are
// none.
double median_of(std::vector<double> values);

// Returns the differences a - b for the seeds that both have.
std::vector<double> paired_differences(const std::map<std::int64_t, double>& a,
                                       const std::map<std::int64_t, double>& b);

}  // namespace moesim
