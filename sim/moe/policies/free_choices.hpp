// Free choices are choices of a token that run no expert: numbers from the number of experts on, such
// as identity, zero and constant experts.
#pragma once

#include "sim/moe/routing.hpp"

namespace moesim {

// The choices below `last`; others are -1. `all`: experts and free choices.
Indices choices_below(const Indices& choice, index last, index all);

// The gates [T, k] of the choices first .. first + count - 1 in a table [T, count]; 0 where a token
// did not choose. `all`: experts and free choices.
Tensor gates_of_choices(const Tensor& gates, const Indices& choice, index first, index count,
                        index all);

// The metric real_choices: the mean number of a token's choices that are experts.
Metric real_choices(const Assignment& plan, index tokens);

// Makes the choices from `experts` on identity experts, which add gate · x, and adds the metric.
void add_identity(Routing& routing, const Tensor& gates, const Indices& choice, index experts,
                  index all);

// Columns first .. first + count - 1 of x [T, all].
Tensor columns_of(const Tensor& x, index first, index count);

}  // namespace moesim
