// Overlap compares two routings of the same tokens: of a checkpoint and a later one (router
// saturation, Muennighoff et al., 2024, OLMoE), or of two seeds.
#pragma once

#include "analysis/traces/token_choices.hpp"

#include <cstddef>
#include <vector>

namespace moesim {

struct Overlap {
  double tokens = 0;  // that the reference sends to an expert
  // mean over tokens of |A(t) ∩ B(t)| / k; as Σ |A ∩ B| / Σ |B| where tokens have several numbers of
  // experts. B is the reference.
  double share = 0;
  double first = 0;   // share of tokens with the same first choice
  double chance = 0;  // of `share`, if A(t) were random sets: Σ |A| |B| / (E Σ |B|), = k / E
};

// partner: the number in B of each expert of A; empty: the same number.
Overlap overlap_of(const TokenChoices& a, const TokenChoices& b,
                   const std::vector<std::size_t>& partner = {});

// Number of tokens with i in A(t) and j in B(t) [E, E].
std::vector<std::int64_t> common_tokens(const TokenChoices& a, const TokenChoices& b);
// The same for A(t) and B(order[t]).
std::vector<std::int64_t> common_tokens(const TokenChoices& a, const TokenChoices& b,
                                        const std::vector<std::int32_t>& order);

}  // namespace moesim
