#include "analysis/traces/label_counts.hpp"

#include "analysis/statistics/sample.hpp"

#include <algorithm>

namespace moesim {

PairCounts labels_by_expert(LabelSpan label, std::size_t labels, const TokenChoices& choices) {
  PairCounts counts(labels, static_cast<std::size_t>(choices.experts));
  for (std::size_t t = 0; t < choices.tokens(); ++t)
    if (label[t] >= 0)
      for (const std::int32_t e : choices.of(t))
        counts.add(static_cast<std::size_t>(label[t]), static_cast<std::size_t>(e));
  return counts;
}

std::vector<double> tokens_of_labels(LabelSpan label, std::size_t labels,
                                     const TokenChoices& choices) {
  std::vector<double> tokens(labels, 0);
  for (std::size_t t = 0; t < choices.tokens(); ++t)
    if (label[t] >= 0 && choices.first(t) >= 0) tokens[static_cast<std::size_t>(label[t])] += 1;
  return tokens;
}

double mean_largest_share(PairCounts& counts, const std::vector<double>& tokens) {
  std::vector<double> most(tokens.size(), 0);
  counts.each([&](std::size_t label, std::size_t, std::uint64_t n) {
    most[label] = std::max(most[label], static_cast<double>(n) / tokens[label]);
  });
  double sum = 0, seen = 0;
  for (std::size_t label = 0; label < tokens.size(); ++label)
    if (tokens[label] > 0) sum += most[label], ++seen;
  return seen > 0 ? sum / seen : kNone;
}

}  // namespace moesim
