// Selection is the run files that a table or a figure is made of.
#pragma once

#include <string>
#include <vector>

namespace moesim {

struct Selection {
  std::vector<std::string> files;
  std::vector<std::string> notes;  // what was left out, one sentence each
};

// The run files of `paths`, as find_runs takes them. Of an experiment folder with a plan.json these
// are the runs of its latest plan; a note counts the others. `all` takes those in. A run file or a
// run folder that is named itself is always in. Runs of a plan are in its order. Throws Exit::data.
Selection select_runs(const std::vector<std::string>& paths, bool all);

}  // namespace moesim
