// Writes notes that list arms or runs.
#pragma once

#include "analysis/runs/arms.hpp"
#include "analysis/tables/notes.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns "a, b, c"; of many the first twenty, and how many more there are.
std::string listed(std::vector<std::string> what);

// Adds the note "TITLE: a, b, c" if the list is not empty. The second form also files it as a note about these arms.
void add_list(RouterNotes& notes, const std::string& title, const std::vector<std::string>& what);
void add_list(RouterNotes& notes, const std::string& title, const std::vector<std::string>& what,
              RouterNotes::About about, const std::vector<std::string>& arms);

// Returns "ARM seed 3", and after how many steps the run stands if that is known.
std::string name_with_seed(const Arm& arm, const Outcome& run);

}  // namespace moesim
