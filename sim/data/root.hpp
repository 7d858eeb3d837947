// data.root: the folder that relative paths of a data set start from. It says where files are, not
// what they hold, so it is no part of a run's identity; a run folder keeps it as an absolute path,
// so that the run goes on from any folder.
#pragma once

#include "sim/config/options.hpp"

#include <string>

namespace moesim {

// Reads the option `root`; for data sets that read files.
std::string data_root(Options& options);

// Makes data.root absolute if the data set read it; "" stands for the folder one stands in. A
// folder that a config file cannot name is left out. Returns the value then in force.
std::string fix_root(Settings& settings);

// A resolved config with a line for data.root, unless that is empty; and without that line, as it
// is part of the identity.
std::string with_root(const std::string& config, const std::string& root);
std::string without_root(const std::string& config);

}  // namespace moesim
