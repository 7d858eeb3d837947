// Handles data.root, the folder from which relative paths of a data set start. It is the location
// of the data, not their content, so it is not part of a run's identity. A run folder stores it as
// an absolute path, so that the run can be resumed from any folder.
#pragma once

#include "sim/config/options.hpp"

#include <string>

namespace moesim {

// Reads the option `root`. Called by data sets that read files.
std::string data_root(Options& options);

// Makes data.root absolute if the data set has read it; "" means the current directory. Returns the
// new value, or "" for a folder whose name a config file cannot contain.
std::string fix_root(Settings& settings);

// Adds the line of data.root to a resolved config, unless `root` is ""; and removes that line, as
// for the run's identity.
std::string with_root(const std::string& config, const std::string& root);
std::string without_root(const std::string& config);

}  // namespace moesim
