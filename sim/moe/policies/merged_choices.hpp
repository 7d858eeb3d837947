// Merges equal choices: a token that chooses an expert several times, as several heads may, gets
// one row there, with the sum of the gates.
#pragma once

#include "sim/moe/routing.hpp"

namespace moesim {

// The plan of choices [T·m] in which a token may repeat itself; gates [T, m].
Assignment assign_merged(const Indices& choice, const Tensor& gates, index experts);

}  // namespace moesim
