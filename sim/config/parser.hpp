// Parses the text of a config file (grammar: GRAMMAR.md).
#pragma once

#include "sim/config/config_file.hpp"
#include "sim/config/text.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace moesim {

// Reads the file that an `include` line names. `place` is that of the line.
using ReadInclude = std::function<ConfigFile(const config::Place& place)>;

// `name` is the text's name in errors and origins. Without `read_include` an include is an error.
// Throws Exit::usage.
ConfigFile parse_config(std::string_view text, const std::string& name,
                        const ReadInclude& read_include = nullptr);

}  // namespace moesim
