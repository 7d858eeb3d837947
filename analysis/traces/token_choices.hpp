// TokenChoices lists the experts that each token chose in one MoE layer, dropped choices included.
#pragma once

#include "analysis/traces/trace.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

// Experts of token t, best choice first: expert[begin[t]] .. expert[begin[t + 1] - 1].
struct TokenChoices {
  std::vector<std::uint32_t> begin = {0};  // [tokens + 1]
  std::vector<std::int32_t> expert;
  std::int64_t experts = 0;

  std::size_t tokens() const { return begin.size() - 1; }
  std::span<const std::int32_t> of(std::size_t token) const {
    return {expert.data() + begin[token], begin[token + 1] - begin[token]};
  }
  // The expert of its best choice, -1 if it has none.
  std::int32_t first(std::size_t token) const {
    return begin[token] == begin[token + 1] ? -1 : expert[begin[token]];
  }
  std::vector<double> load() const;  // n(e), before capacity [experts]
};

// Appends the tokens of a trace.
void append_choices(TokenChoices& choices, const TraceLayer& layer, std::int64_t tokens);
// Of a table [tokens, k] of experts, best first; -1: none.
TokenChoices choices_of_table(std::span<const std::int32_t> expert, std::size_t k,
                              std::int64_t experts);
// Only the first choice of every token.
TokenChoices first_choices(const TokenChoices& choices);
// The choices of one layer, of all traces of a file or of one.
TokenChoices choices_of_layer(TracedRun& run, std::size_t layer);
TokenChoices choices_of_trace(TracedRun& run, std::size_t trace, std::size_t layer);

}  // namespace moesim
