// Lists the run folders of an experiment and reads their settings.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace moesim {

// "token_choice-s0-1a2b3c4d" -> "1a2b3c4d"; "" for other names.
std::string hash_of_folder(const std::string& name);

// The names of the folders in an experiment's folder, sorted.
std::vector<std::string> folders_of(const std::string& experiment);

// The values in a run folder's config.ini, by full key; empty without that file.
std::map<std::string, std::string> recorded_values(const std::string& folder);

}  // namespace moesim
