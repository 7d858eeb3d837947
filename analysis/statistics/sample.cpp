#include "analysis/statistics/sample.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {

namespace {}  // namespace

Sample sample_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  if (values.empty()) return {0, kNone, kNone};
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  if (values.size() == 1) return {1, mean, kNone};
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {values.size(), mean, std::sqrt(squares / (n - 1))};
}

double median_of(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

std::vector<double> paired_differences(const std::map<std::int64_t, double>& a,
                                       const std::map<std::int64_t, double>& b) {
  std::vector<double> differences;
  for (const auto& [key, value] : a)
    if (const auto other = b.find(key); other != b.end())
      differences.push_back(value - other->second);
  return differences;
}

}  // namespace moesim
