// Reads a config file and what it includes.
#pragma once

#include "sim/config/config_file.hpp"

#include <string>

namespace moesim {

// Throws Exit::usage: "FILE:LINE: key = value: reason; what to do". Nothing is read beyond the
// limits: 1 MiB a file, 64 files in total, 16 deep. Includes are relative to the including file and
// stay inside the folder of `path`, symbolic links followed.
ConfigFile read_config(const std::string& path);

}  // namespace moesim
