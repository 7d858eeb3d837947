// Options whose values are folders of other runs, and what their paths are in settings and labels.
#pragma once

#include "sim/config/sweep.hpp"

#include <string>
#include <vector>

namespace moesim {

// True for init.from and distil.teacher.
bool names_run(const std::string& key);

// Makes the paths of other runs absolute, so that a run can be resumed from any folder. Folders
// whose names a config file cannot contain are left as they are.
void fix_source_runs(Settings& settings);

// The last two parts of a path: the experiment and the run.
std::string short_path(const std::string& path);

// Labels the runs. Paths of other runs are short, unless runs with other paths would then have the
// same label.
void label_runs(std::vector<RunSpec>& runs);

}  // namespace moesim
