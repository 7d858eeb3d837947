// Studies are the config files that come with the program: share/moesim/experiments beside bin of
// an installed one, experiments/ of the sources for one in its build folder.
#pragma once

#include "sim/config/reader.hpp"

#include <string>

namespace moesim {

// A config file that the user names: a path, <NAME>, or the name of a study where no such file is.
// It may include any file and, as <NAME>, every study. Throws Exit::usage.
ConfigFile read_user_config(const std::string& word);

// The path of a word that names a study; the word itself if it does not.
std::string config_path(const std::string& word);

}  // namespace moesim
