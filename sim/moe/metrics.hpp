// Metrics describe a routing: balance of loads, entropies, drops, agreement, specialisation. Each
// has one definition, on host data in double.
//
// A load is a weight per expert: a count of assignments, or mass. Choices are [tokens · k] expert
// numbers, best first, -1 for none. Tables are row-major. Logarithms are natural. An undefined
// metric, e.g. cv of a load of zeros, is NaN.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace moesim::metrics {

using Values = std::span<const double>;
using Choices = std::span<const std::int32_t>;

// Metrics of the load of the experts.
std::vector<double> counts(Choices choice, index experts);
std::vector<double> share(Values load);        // load / Σ load
std::vector<double> load_factor(Values load);  // load / mean load; 1 is balanced
double cv(Values load);                        // population standard deviation / mean
double max_over_mean(Values load);
double max_violation(Values load);                  // max / mean - 1 (Wang et al. 2024, MaxVio)
index dead(Values load);                            // experts with none
index starved(Values load, double fraction = 0.1);  // experts below fraction · mean; dead ones too
double entropy(Values weights);                     // of weights / Σ weights
double effective_experts(Values load);              // exp(entropy)
double participation_ratio(Values load);            // 1 / Σ share²

// Scores [tokens, experts], rows that sum to 1.
double row_entropy(Values scores, index experts);          // mean over tokens
double marginal_entropy(Values scores, index experts);     // of the mean row
double token_information(Values scores, index experts);    // I(token; expert), their difference
double normalised_entropy(double entropy, index experts);  // entropy / log E; 0 for one expert

// Metrics of drops. keep [tokens · k]: not 0 where an assignment was served.
double dropped_fraction(Values keep);
double unrouted_fraction(Values keep, index k);  // tokens without a served assignment

// Agreement of two routings of the same tokens, e.g. of a checkpoint and the final model (router
// saturation, Muennighoff et al. 2024): the share of a token's experts that are in both, and of
// tokens with the same first expert.
double agreement(Choices a, Choices b, index k);
double first_agreement(Choices a, Choices b, index k);

// [E, E]: of the assignments to i, the fraction whose token also chose j. Adjacent: counts only
// pairs that are neighbours in the order of gates, as OLMoE's script does.
enum class Pairs { all, adjacent };
std::vector<double> co_activation(Choices choice, index k, index experts, Pairs pairs = Pairs::all);

// Metrics of tables [rows, cols] of counts, e.g. [domains, experts], [token ids, experts], [experts
// of one layer, experts of the next].

// Adds each token's choices to the row of the token; tokens with row -1 are left out.
std::vector<double> table(Choices row_of_token, index rows, Choices choice, index k, index experts);
// Entry / tokens of its row: the fraction of a domain's tokens that expert e serves. Sums to k over
// experts.
std::vector<double> row_fractions(Values table, Values tokens, index cols);
// Vocabulary specialisation: the largest such fraction of a row, averaged over rows with tokens.
double specialisation(Values table, Values tokens, index cols);
double information(Values table, index cols);             // I(row; col)
double normalised_information(Values table, index cols);  // I(row; col) / H(row); 0 for one row
double conditional_entropy(Values table, index cols);     // H(col | row)

}  // namespace moesim::metrics
