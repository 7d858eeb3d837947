// Start says which values the parameters of a training begin with, and which of them learn.
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
  std::vector<std::pair<std::string, std::string>> renames;  // of the beginnings of names

  // Gives the tensors the values that tensors of the same name and shape have in the checkpoint, and
  // says in one line which they were. Throws Exit::data, naming the first that has none, unless such
  // keep the values that they have; also where a rename has no effect or two tensors get one name.
  std::string load(const std::vector<NamedTensor>& weights) const;
};

// Reads [init], and [freeze], whose patterns freeze parameters. Rejects a pattern that matches
// nothing.
Start read_start(Settings& settings, std::vector<Parameter>& parameters);

}  // namespace moesim
