// Counts the labels of tokens (domain, token id, …) against their experts.
#pragma once

#include "analysis/traces/pair_counts.hpp"
#include "analysis/traces/token_choices.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moesim {

// Labels [tokens]: 0 .. labels - 1, -1 for a token that is left out.
using LabelSpan = std::span<const std::int32_t>;

// N(label, e), the number of tokens of a label that choose e [labels, E].
PairCounts labels_by_expert(LabelSpan label, std::size_t labels, const TokenChoices& choices);
// N(label), the number of its tokens that choose any expert [labels].
std::vector<double> tokens_of_labels(LabelSpan label, std::size_t labels,
                                     const TokenChoices& choices);
// max over e of N(label, e) / N(label), mean over labels with tokens: of token ids, the vocabulary
// specialisation of OLMoE (Muennighoff et al., 2024). NaN without tokens.
double mean_largest_share(PairCounts& counts, const std::vector<double>& tokens);

}  // namespace moesim
