// Reads settings back from the text of a resolved config (Settings::resolved), which run files and
// config.ini contain.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace moesim::config {

// Values by full key, without data.root, which is where the data are and not what they are.
std::map<std::string, std::string> resolved_values(std::string_view resolved);

}  // namespace moesim::config
