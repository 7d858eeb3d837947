// Sample is values of several seeds, summarised; Interval is where a value lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

namespace moesim {

// NaN where undefined: the mean of nothing, the deviation of fewer than two.
struct Sample {
  std::size_t count = 0;
  double mean = 0;
  double deviation = 0;  // sample standard deviation (n - 1)
};

struct Interval {
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
};

Sample sample_of(const std::vector<double>& values);

// The mean of the middle two of an even number. NaN of none.
double median_of(std::vector<double> values);

// The differences a - b of the keys (seeds) that both have.
std::vector<double> paired_differences(const std::map<std::int64_t, double>& a,
                                       const std::map<std::int64_t, double>& b);

}  // namespace moesim
