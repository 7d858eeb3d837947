#include "analysis/traces/overlap.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <numeric>

namespace moesim {

Overlap overlap_of(const TokenChoices& a, const TokenChoices& b,
                   const std::vector<std::size_t>& partner) {
  if (a.tokens() != b.tokens()) fail_in("overlap_of", "the routings are of different sizes");
  const auto in_b = [&](std::int32_t e) {
    return partner.empty() ? e : static_cast<std::int32_t>(partner[static_cast<std::size_t>(e)]);
  };
  Overlap found;
  double both = 0, of_b = 0, same = 0, product = 0;
  for (std::size_t t = 0; t < a.tokens(); ++t) {
    const auto mine = a.of(t), theirs = b.of(t);
    if (theirs.empty()) continue;
    ++found.tokens;
    of_b += static_cast<double>(theirs.size());
    product += static_cast<double>(mine.size()) * static_cast<double>(theirs.size());
    same += !mine.empty() && in_b(mine[0]) == theirs[0];
    for (const std::int32_t e : mine)
      both += std::find(theirs.begin(), theirs.end(), in_b(e)) != theirs.end();
  }
  if (found.tokens == 0) return found;
  found.share = both / of_b;
  found.first = same / found.tokens;
  found.chance = product / of_b / static_cast<double>(b.experts);
  return found;
}

std::vector<std::int64_t> common_tokens(const TokenChoices& a, const TokenChoices& b,
                                        const std::vector<std::int32_t>& order) {
  const auto experts = static_cast<std::size_t>(std::max(a.experts, b.experts));
  std::vector<std::int64_t> common(experts * experts, 0);
  for (std::size_t t = 0; t < a.tokens(); ++t)
    for (const std::int32_t i : a.of(t))
      for (const std::int32_t j : b.of(static_cast<std::size_t>(order[t])))
        ++common[static_cast<std::size_t>(i) * experts + static_cast<std::size_t>(j)];
  return common;
}

std::vector<std::int64_t> common_tokens(const TokenChoices& a, const TokenChoices& b) {
  std::vector<std::int32_t> order(a.tokens());
  std::iota(order.begin(), order.end(), 0);
  return common_tokens(a, b, order);
}

}  // namespace moesim
