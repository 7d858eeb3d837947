// Start determines the initial values of the parameters ([init]).
#pragma once

#include "sim/config/options.hpp"
#include "sim/train/optimiser.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct Start {
  std::string from;        // the folder of a run; empty: all values are drawn
  std::string checkpoint;  // "newest", "best" or a step
  bool draw_missing = false;
  std::vector<std::pair<std::string, std::string>> renames;  // prefixes of names, old and new

  // Sets each tensor to the checkpoint's tensor of equal name and shape, and returns a one-line
  // summary. Throws Exit::data with the first tensor that has none, unless [init] keeps the initial
  // values of such tensors; also if a rename has no effect or two tensors get one name.
  std::string load(const std::vector<NamedTensor>& weights) const;
};

// Reads [init].
Start read_start(Settings& settings);

}  // namespace moesim
