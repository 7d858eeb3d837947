#include "analysis/traces/collapse.hpp"

#include "analysis/statistics/sample.hpp"
#include "sim/moe/metrics.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {

LoadVerdict judge_load(const std::vector<double>& load, double tokens,
                       const CollapseLimits& limits) {
  LoadVerdict verdict;
  const auto experts = static_cast<double>(load.size());
  verdict.assignments = std::accumulate(load.begin(), load.end(), 0.0);
  verdict.dead = static_cast<double>(metrics::dead(load));
  verdict.starved = static_cast<double>(metrics::starved(load, limits.starved));
  if (!(verdict.assignments > 0)) {
    verdict.max_violation = verdict.entropy = verdict.effective = verdict.evenness = kNone;
    return verdict;
  }
  verdict.max_violation = metrics::max_violation(load);
  verdict.entropy =
      metrics::normalised_entropy(metrics::entropy(load), static_cast<index>(load.size()));
  verdict.effective = metrics::effective_experts(load);
  const double k = verdict.assignments / tokens;
  verdict.evenness = k < experts ? (verdict.effective - k) / (experts - k) : kNone;
  if (verdict.assignments < limits.least * experts) return verdict;
  const bool uneven = verdict.starved > 0 || verdict.max_violation > limits.max_violation;
  verdict.word = verdict.evenness < limits.evenness ? "collapsed" : uneven ? "uneven" : "fine";
  return verdict;
}

std::string worst_word(const std::vector<std::string>& words) {
  for (const char* word : {"collapsed", "uneven", "fine"})
    if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  return "";
}

}  // namespace moesim
