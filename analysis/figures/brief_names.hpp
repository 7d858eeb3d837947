// BriefNames are the short names of arms in legends and titles: labels without the settings that
// all arms share.
#pragma once

#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

struct BriefNames {
  std::vector<std::string> names;    // one per arm; unique
  std::vector<std::string> omitted;  // removed words: "token_choice"
};

// Shortens labels made of words KEY=VALUE, as sweeps write them. Removes the words that all arms
// but dense ones share, all but the first of the keys that change together, and the router's name
// if there is only one router. "capacity_factor=1" becomes "capacity=1". Other labels are returned
// unchanged.
BriefNames brief_names(const std::vector<Arm>& arms);

}  // namespace moesim
