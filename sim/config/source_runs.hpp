// Lists the options whose values are folders of other runs, and writes their paths for settings and labels.
#pragma once

#include "sim/config/sweep.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// True for init.from and distil.teacher.
bool names_run(const std::string& key);

// Makes the paths of other runs absolute, so that a run can be resumed from any folder. Folders
// whose names a config file cannot contain are left as they are.
void fix_source_runs(Settings& settings);

// The folder that such an option names for a run of this seed: "{seed}" stands for it, and * for any
// characters, if one folder alone matches; else the path as it is, which is none of a run. An arm whose
// seeds have a source each has one value.
std::string source_of_seed(const std::string& path, std::uint64_t seed);

// Throws Exit::data if a path of source_of_seed() is still a pattern, with the number of folders that it
// matches and the first two. option: "init.from = ".
void require_one_folder(const std::string& option, const std::string& path);

// The last two parts of a path: the experiment and the run.
std::string short_path(const std::string& path);

// Labels the runs. Paths of other runs are short, unless runs with other paths would then have the
// same label.
void label_runs(std::vector<RunSpec>& runs);

}  // namespace moesim
