// Reads a config file and its includes from disk.
#pragma once

#include "sim/config/config_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// Includes is what a config file may include beyond files in its own folder and in the top file's.
struct Includes {
  bool anywhere = false;  // the top file may include any path
  // Searched in this order for include = <name>, and for include = folder/name.ini if there is no
  // such file beside the including one.
  std::vector<std::string> folders = {};
};

// Reads and merges the file and its includes. Limits: regular files of at most 1 MiB, 64 files, 16
// levels. Includes are relative to the including file; symbolic links are followed. Throws
// Exit::usage: "FILE:LINE: key = value: reason; what to do".
ConfigFile read_config(const std::string& path, const Includes& includes = {});

// The path of the first file NAME or NAME.ini in `folders`; "" if there is none. NAME may be in a
// folder in these: presets/mixtral.
std::string find_study(const std::string& name, const std::vector<std::string>& folders);
// The names of all .ini files in `folders` and in folders in these, without ".ini", sorted.
std::vector<std::string> study_names(const std::vector<std::string>& folders);

}  // namespace moesim
