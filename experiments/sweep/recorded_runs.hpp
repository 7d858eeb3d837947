// The run folders of an experiment, as their names and their config.ini tell.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace moesim {

// "token_choice-s0-1a2b3c4d" -> "1a2b3c4d"; "" for other names.
std::string hash_of_folder(const std::string& name);

// Names of the folders in an experiment's folder, sorted.
std::vector<std::string> folders_of(const std::string& experiment);

// Values by full key in the config.ini of a run's folder; empty if there is none.
std::map<std::string, std::string> recorded_values(const std::string& folder);

}  // namespace moesim
