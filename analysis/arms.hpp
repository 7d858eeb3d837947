// Which runs are one arm: those that differ in nothing but their seed. What an arm is called in a
// table is found when the table is made; the label that a run was given when it was trained says
// only what varied in the sweep of that day.
#pragma once

#include "analysis/outcome.hpp"

#include <vector>

namespace moesim {

// Gives the runs of one arm one name, and other arms other ones: "token_choice" for both of two
// runs with k = 1 and k = 2 becomes "token_choice k=1" and "token_choice k=2". Runs without a
// config go by their label.
void name_arms(std::vector<Outcome>& outcomes);

}  // namespace moesim
