#include "analysis/statistics/chrf.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <string>

namespace moesim {
namespace {

std::u32string characters(std::string_view text) {
  std::u32string all;
  while (!text.empty()) {
    const config::CodePoint point = config::code_point(text);
    text.remove_prefix(point.length);
    if (point.code != U' ' && (point.code < U'\t' || point.code > U'\r')) all += point.code;
  }
  return all;
}

std::map<std::u32string_view, std::int64_t> n_grams(std::u32string_view text, std::size_t n) {
  std::map<std::u32string_view, std::int64_t> counts;
  for (std::size_t at = 0; at + n <= text.size(); ++at) ++counts[text.substr(at, n)];
  return counts;
}

}  // namespace

void ChrF::add(std::string_view output, std::string_view reference) {
  any_ = true;
  const std::u32string ours = characters(output), theirs = characters(reference);
  for (std::size_t n = 1; n <= kOrder; ++n) {
    Counts& counts = counts_[n - 1];
    const auto wanted = n_grams(theirs, n);
    for (const auto& [gram, count] : wanted) counts.reference += count;
    for (const auto& [gram, count] : n_grams(ours, n)) {
      counts.output += count;
      if (const auto known = wanted.find(gram); known != wanted.end())
        counts.common += std::min(count, known->second);
    }
  }
}

double ChrF::score() const {
  if (!any_) return std::numeric_limits<double>::quiet_NaN();
  constexpr double kBeta = 2;
  double precision = 0, recall = 0;  // sums over the orders
  for (const Counts& counts : counts_) {
    if (counts.output == 0 || counts.reference == 0) continue;
    precision += static_cast<double>(counts.common) / static_cast<double>(counts.output);
    recall += static_cast<double>(counts.common) / static_cast<double>(counts.reference);
  }
  if (precision + recall == 0) return 0;
  double orders = 0;
  for (const Counts& counts : counts_) orders += counts.output > 0 && counts.reference > 0;
  precision /= orders, recall /= orders;
  return (1 + kBeta * kBeta) * precision * recall / (kBeta * kBeta * precision + recall);
}

}  // namespace moesim
