#include "analysis/traces/coactivation.hpp"

#include <numeric>

namespace moesim {

PairCounts chosen_together(const TokenChoices& choices, bool adjacent) {
  const auto experts = static_cast<std::size_t>(choices.experts);
  PairCounts counts(experts, experts);
  for (std::size_t t = 0; t < choices.tokens(); ++t) {
    const auto of = choices.of(t);
    for (std::size_t i = 0; i < of.size(); ++i)
      for (std::size_t j = 0; j < of.size(); ++j)
        if (adjacent ? i + 1 == j || j + 1 == i : i != j)
          counts.add(static_cast<std::size_t>(of[i]), static_cast<std::size_t>(of[j]));
  }
  return counts;
}

std::vector<Coactivation> coactivations(PairCounts& together, const std::vector<double>& load) {
  const double total = std::accumulate(load.begin(), load.end(), 0.0);
  std::vector<double> others(load.size(), 0);
  together.each(
      [&](std::size_t i, std::size_t, std::uint64_t n) { others[i] += static_cast<double>(n); });
  std::vector<Coactivation> rows;
  together.each([&](std::size_t i, std::size_t j, std::uint64_t n) {
    const auto count = static_cast<double>(n);
    rows.push_back(
        {i, j, count, count / load[i], others[i] / load[i] * load[j] / (total - load[i])});
  });
  return rows;
}

}  // namespace moesim
