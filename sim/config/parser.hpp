// The grammar of a config file, over text in memory (see README.md).
#pragma once

#include "sim/config/config_file.hpp"
#include "sim/config/text.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace moesim {

// Reads the file that an `include` line names; called with the line's place.
using ReadInclude = std::function<ConfigFile(const config::Place& place)>;

// `name` stands for the text in errors and origins. Without `read_include` an include is an error.
// Throws Exit::usage.
ConfigFile parse_config(std::string_view text, const std::string& name,
                        const ReadInclude& read_include = nullptr);

}  // namespace moesim
