// Brief names are what legends and titles call arms: what tells them apart, without what all have.
#pragma once

#include "analysis/runs/arms.hpp"

#include <string>
#include <vector>

namespace moesim {

struct BriefNames {
  std::vector<std::string> names;    // of each arm; no two are alike
  std::vector<std::string> omitted;  // words that were left out: "token_choice"
};

// Of words KEY=VALUE, as a sweep's labels have them, those go that all arms but dense ones have,
// and all but the first of those that change together; so does the name of the router, if it is
// one. "capacity_factor=1" becomes "capacity=1". Other names stay as they are.
BriefNames brief_names(const std::vector<Arm>& arms);

}  // namespace moesim
