// Selection is the list of run files that a table or a figure uses.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Selection {
  std::vector<std::string> files;
  std::vector<std::string> notes;  // runs that were left out, one sentence each
};

// Selects the run files of `paths` (see find_runs). In an experiment folder with a plan.json these
// are the runs of the latest plan, in its order; a note counts the others, which `all` includes. A
// run file or run folder that is named directly is always included. Throws Exit::data.
Selection select_runs(const std::vector<std::string>& paths, bool all);

}  // namespace moesim
