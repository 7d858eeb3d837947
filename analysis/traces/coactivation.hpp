// Co-activation is how often experts are chosen together (Muennighoff et al., 2024, OLMoE).
#pragma once

#include "analysis/traces/pair_counts.hpp"
#include "analysis/traces/token_choices.hpp"

#include <vector>

namespace moesim {

// N_ij, the number of tokens that choose i and j ≠ i. adjacent: only where i and j are neighbours in
// the order of the token's choices, as OLMoE's script counts.
PairCounts chosen_together(const TokenChoices& choices, bool adjacent);

struct Coactivation {
  std::size_t i = 0, j = 0;
  double together = 0;     // N_ij
  double probability = 0;  // P(j | i) = N_ij / N_i
  // The same if the other choices of i's tokens were drawn by the load of the other experts:
  // Σ_j N_ij / N_i · N_j / (N - N_i). Uniform load and k choices: (k - 1) / (E - 1).
  double expected = 0;
};

// Every pair with N_ij > 0, by i and then j. load: N_i.
std::vector<Coactivation> coactivations(PairCounts& together, const std::vector<double>& load);

}  // namespace moesim
