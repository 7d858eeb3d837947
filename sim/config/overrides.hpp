// Settings of the command line: "key=value" words.
#pragma once

#include "sim/config/config_file.hpp"

#include <string>
#include <vector>

namespace moesim::config {

// The words as a config file of its own, to be laid over the real one; a value that is a list makes
// an axis. Throws Exit::usage.
ConfigFile parse_overrides(const std::vector<std::string>& words);

// Takes out of the variants of `file` what `top`, a command line, says of the same keys: it has the
// last word. Returns a sentence per key: "command line: a.x = 1 replaces what [variant.v] sets
// (f.ini:7)".
std::vector<std::string> override_variants(ConfigFile& file, const ConfigFile& top);

}  // namespace moesim::config
