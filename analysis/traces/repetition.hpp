// Repetition is how often consecutive tokens of a sequence have the same expert, against what
// independent tokens of the same load would have (Jiang et al., 2024, Mixtral, table 5).
#pragma once

#include "analysis/traces/token_choices.hpp"

namespace moesim {

struct Repetition {
  double pairs = 0;         // consecutive tokens of a sequence that both have an expert
  double first = 0;         // share of pairs with the same first choice
  double either = 0;        // share with an expert in common among their first two choices
  double first_chance = 0;  // Σ π(e)², π: share of tokens whose first choice is e
  // P(two independent tokens have an expert in common among their first two choices)
  //   = Σ q(S) (Σ_{e in S} P(e) - q(S)),  q(S): share of tokens whose first two choices are the set S,
  //   P(e): share of tokens with e among them; a set of one has no last term, and E = 8 sets that are
  //   equally frequent give 13/28 = 46 %.
  double either_chance = 0;
};

// length: tokens of a sequence; pass: whole number of tokens after which a new sequence begins
// anyway (the tokens of a trace).
Repetition repetition_of(const TokenChoices& choices, std::int64_t length, std::int64_t pass);

// True if token t is the first of its sequence.
inline bool begins_sequence(std::size_t token, std::int64_t length, std::int64_t trace_tokens) {
  return static_cast<std::int64_t>(token) % trace_tokens % length == 0;
}

}  // namespace moesim
