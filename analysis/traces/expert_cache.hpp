// lru_use() simulates a cache that holds some of the experts of an MoE layer in fast memory, while
// all of them are in slow memory (offloading).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moesim {

struct CacheUse {
  std::int64_t requests = 0, hits = 0;

  double rate() const {  // of hits; NaN without requests
    return static_cast<double>(hits) / static_cast<double>(requests);
  }
};

// The use of a cache of the `size` experts that were requested last. steps: the experts that each
// step requests, in order. prefetch: those of the step before are also fetched, into a buffer of
// their own; this adds hits only where a step requests more experts than the cache holds.
CacheUse lru_use(const std::vector<std::vector<std::int32_t>>& steps, std::size_t size,
                 bool prefetch);

// The expected number of distinct experts of E if `tokens` tokens choose k each, independently and
// uniformly: E (1 - (1 - k/E)^tokens).
double expected_touched(double experts, double k, double tokens);

}  // namespace moesim
