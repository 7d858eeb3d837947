#include "analysis/traces/token_choices.hpp"

#include <fmt/format.h>

#include <limits>

namespace moesim {
namespace {

constexpr std::size_t kMostAssignments = std::numeric_limits<std::uint32_t>::max();

// Sorts the few choices of a token by rank; those of equal rank keep the order of their experts.
void sort_by_rank(std::int32_t* expert, std::uint8_t* rank, std::uint32_t size) {
  for (std::uint32_t i = 1; i < size; ++i)
    for (std::uint32_t j = i; j > 0 && rank[j - 1] > rank[j]; --j) {
      std::swap(rank[j - 1], rank[j]);
      std::swap(expert[j - 1], expert[j]);
    }
}

}  // namespace

std::vector<double> TokenChoices::load() const {
  std::vector<double> n(static_cast<std::size_t>(experts), 0);
  for (const std::int32_t e : expert) n[static_cast<std::size_t>(e)] += 1;
  return n;
}

void append_choices(TokenChoices& choices, const TraceLayer& layer, std::int64_t tokens) {
  const std::size_t before = choices.tokens(), rows = layer.token.size();
  const std::size_t old = choices.expert.size();
  if (rows > kMostAssignments - old)
    fail(Exit::data, fmt::format("a layer has {} assignments; at most {} are analysed", old + rows,
                                 kMostAssignments));
  choices.begin.resize(before + static_cast<std::size_t>(tokens) + 1, 0);
  std::uint32_t* begin = choices.begin.data() + before;
  for (const std::int32_t token : layer.token) ++begin[token + 1];
  begin[0] = static_cast<std::uint32_t>(old);
  for (std::int64_t t = 0; t < tokens; ++t) begin[t + 1] += begin[t];
  choices.expert.resize(old + rows);
  std::vector<std::uint8_t> rank(rows);
  std::vector<std::uint32_t> next(begin, begin + tokens);
  for (std::size_t e = 0; e + 1 < layer.begin.size(); ++e)
    for (std::size_t row = layer.begin[e]; row < layer.begin[e + 1]; ++row) {
      const std::uint32_t place = next[static_cast<std::size_t>(layer.token[row])]++;
      choices.expert[place] = static_cast<std::int32_t>(e);
      rank[place - old] = layer.choice[row];
    }
  for (std::int64_t t = 0; t < tokens; ++t)
    sort_by_rank(choices.expert.data() + begin[t], rank.data() + (begin[t] - old),
                 begin[t + 1] - begin[t]);
}

TokenChoices choices_of_table(std::span<const std::int32_t> expert, std::size_t k,
                              std::int64_t experts) {
  TokenChoices choices;
  choices.experts = experts;
  for (std::size_t i = 0; i < expert.size(); ++i) {
    if (expert[i] >= 0) choices.expert.push_back(expert[i]);
    if ((i + 1) % k == 0)
      choices.begin.push_back(static_cast<std::uint32_t>(choices.expert.size()));
  }
  return choices;
}

TokenChoices first_choices(const TokenChoices& choices) {
  TokenChoices first;
  first.experts = choices.experts;
  first.begin.reserve(choices.begin.size());
  first.expert.reserve(choices.tokens());
  for (std::size_t t = 0; t < choices.tokens(); ++t) {
    if (choices.first(t) >= 0) first.expert.push_back(choices.first(t));
    first.begin.push_back(static_cast<std::uint32_t>(first.expert.size()));
  }
  return first;
}

TokenChoices choices_of_trace(TracedRun& run, std::size_t trace, std::size_t layer) {
  TokenChoices choices;
  choices.experts = run.experts();
  append_choices(choices, run.read(trace, layer, TracedRun::Parts::choices), run.tokens());
  return choices;
}

TokenChoices choices_of_layer(TracedRun& run, std::size_t layer) {
  TokenChoices choices;
  choices.experts = run.experts();
  for (std::size_t trace = 0; trace < run.traces(); ++trace)
    append_choices(choices, run.read(trace, layer, TracedRun::Parts::choices), run.tokens());
  return choices;
}

}  // namespace moesim
