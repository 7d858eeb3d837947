// Finds studies, the config files that come with the program: in ../share/moesim/experiments of an
// installed program, in experiments/ of the sources for one in its build folder.
#pragma once

#include "sim/config/reader.hpp"

#include <string>

namespace moesim {

// Reads the config file that the user names: a path, <NAME>, or the name of a study if no such file
// exists. It may include any file and, as <NAME>, every study. Throws Exit::usage.
ConfigFile read_user_config(const std::string& word);

// The path of the study that `word` names; `word` itself otherwise.
std::string config_path(const std::string& word);

}  // namespace moesim
