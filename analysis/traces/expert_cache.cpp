#include "analysis/traces/expert_cache.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {

CacheUse lru_use(const std::vector<std::vector<std::int32_t>>& steps, std::size_t size,
                 bool prefetch) {
  CacheUse use;
  std::vector<std::int32_t> kept;  // the expert of the latest request first
  const std::vector<std::int32_t>* before = nullptr;
  for (const std::vector<std::int32_t>& step : steps) {
    for (const std::int32_t expert : step) {
      const auto at = std::find(kept.begin(), kept.end(), expert);
      const bool fetched = prefetch && before != nullptr &&
                           std::find(before->begin(), before->end(), expert) != before->end();
      ++use.requests;
      if (at != kept.end() || fetched) ++use.hits;
      if (at != kept.end()) kept.erase(at);
      kept.insert(kept.begin(), expert);
      if (kept.size() > size) kept.pop_back();
    }
    before = &step;
  }
  return use;
}

double expected_touched(double experts, double k, double tokens) {
  return experts * (1 - std::pow(1 - k / experts, tokens));
}

}  // namespace moesim
