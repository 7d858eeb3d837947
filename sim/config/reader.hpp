// Reads a config file and what it includes.
#pragma once

#include "sim/config/config_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// What a file may include beyond what lies in its own folder and that of the top file.
struct Includes {
  bool anywhere = false;                  // the top file: any path
  std::vector<std::string> folders = {};  // where include = <name> looks, in this order
};

// Throws Exit::usage: "FILE:LINE: key = value: reason; what to do". Nothing is read beyond the
// limits: 1 MiB a file, 64 files in total, 16 deep, regular files alone. Includes are relative to
// the including file; symbolic links are followed.
ConfigFile read_config(const std::string& path, const Includes& includes = {});

// The file that a folder of `folders` has of this name, with or without ".ini"; "" if none has.
std::string find_study(const std::string& name, const std::vector<std::string>& folders);
// Names of all such files, without ".ini", sorted.
std::vector<std::string> study_names(const std::vector<std::string>& folders);

}  // namespace moesim
