#include "analysis/traces/repetition.hpp"

#include "analysis/traces/pair_counts.hpp"

#include <algorithm>

namespace moesim {
namespace {

struct FirstTwo {
  std::int32_t first = -1, second = -1;

  bool has(std::int32_t e) const { return e >= 0 && (e == first || e == second); }
};

FirstTwo first_two(const TokenChoices& choices, std::size_t token) {
  const auto of = choices.of(token);
  return {of.empty() ? -1 : of[0], of.size() < 2 ? -1 : of[1]};
}

// What independent tokens would have.
void add_chances(const TokenChoices& choices, Repetition& found) {
  const auto experts = static_cast<std::size_t>(choices.experts);
  std::vector<double> first(experts, 0), any(experts, 0);
  PairCounts sets(experts + 1, experts + 1);  // smaller, larger; the last: no second choice
  double tokens = 0;
  for (std::size_t t = 0; t < choices.tokens(); ++t) {
    const FirstTwo two = first_two(choices, t);
    if (two.first < 0) continue;
    const auto a = static_cast<std::size_t>(two.first);
    const auto b = two.second < 0 ? experts : static_cast<std::size_t>(two.second);
    ++tokens, ++first[a], ++any[a];
    if (b < experts) ++any[b];
    sets.add(std::min(a, b), std::max(a, b));
  }
  if (tokens == 0) return;
  for (const double n : first) found.first_chance += n / tokens * (n / tokens);
  sets.each([&](std::size_t a, std::size_t b, std::uint64_t n) {
    const double q = static_cast<double>(n) / tokens;
    const double meet = b == experts ? any[a] / tokens : (any[a] + any[b]) / tokens - q;
    found.either_chance += q * meet;
  });
}

}  // namespace

Repetition repetition_of(const TokenChoices& choices, std::int64_t length, std::int64_t pass) {
  Repetition found;
  double first = 0, either = 0;
  for (std::size_t t = 1; t < choices.tokens(); ++t) {
    if (begins_sequence(t, length, pass)) continue;
    const FirstTwo a = first_two(choices, t - 1), b = first_two(choices, t);
    if (a.first < 0 || b.first < 0) continue;
    ++found.pairs;
    first += a.first == b.first;
    either += a.has(b.first) || a.has(b.second);
  }
  if (found.pairs > 0) found.first = first / found.pairs, found.either = either / found.pairs;
  add_chances(choices, found);
  return found;
}

}  // namespace moesim
