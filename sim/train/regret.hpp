// measure_regret() evaluates every choice of experts for sampled tokens of the validation split.
#pragma once

#include "sim/train/counterfactual.hpp"
#include "sim/train/evaluator.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// TokenRegret is one token in one MoE layer: its loss, that of the prediction at its own position,
// with the experts that it had and with every other choice of as many (Counterfactuals).
struct TokenRegret {
  std::size_t layer = 0;
  index sequence = 0, position = 0;  // of the evaluation
  std::int32_t id = 0, domain = -1;
  double chosen = 0;
  double best = 0;    // lowest over all choices, the router's included
  double random = 0;  // mean over all choices
  double second = 0;  // the last expert exchanged for that of the next score; NaN without scores
  index choices = 0;  // number of all choices

  double regret() const { return chosen - best; }
};

struct RegretSample {
  std::vector<TokenRegret> tokens;
  index sampled = 0;    // tokens, over layers
  index unserved = 0;   // left out: tokens that no expert took
  index too_many = 0;   // left out: tokens with three experts or more, or with too many choices
  index sequences = 0;  // evaluated
};

// The most choices of experts that a token may have.
inline constexpr index kMostChoices = 4096;

// All choices of n of E experts in order, n = 1 or 2; empty if they are more than kMostChoices.
std::vector<std::vector<std::int32_t>> all_choices(index experts, std::size_t n);

// Samples `count` tokens with a target (0: takes all of them), spread over the sequences of an evaluation: in each
// sequence, positions are drawn at random, the same ones for every model.
RegretSample measure_regret(Transformer& model, const Evaluator& evaluator, const Task& task,
                            Backend& backend, index count);

}  // namespace moesim
