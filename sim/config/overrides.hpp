// Parses the settings of the command line: "key=value" words.
#pragma once

#include "sim/config/config_file.hpp"

#include <string>
#include <vector>

namespace moesim::config {

// Returns the words as a ConfigFile, for lay_over(); a value that is a list makes an axis. Throws
// Exit::usage.
ConfigFile parse_overrides(const std::vector<std::string>& words);

// Removes from the variants of `file` the keys that `top`, the command line, sets: the command line
// has precedence. Returns one note per key: "command line: a.x = 1 replaces what [variant.v] sets
// (f.ini:7)".
std::vector<std::string> override_variants(ConfigFile& file, const ConfigFile& top);

}  // namespace moesim::config
