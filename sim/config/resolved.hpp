// The settings in the text of a resolved config (Settings::resolved), as a run file and config.ini
// hold it.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace moesim::config {

// Values by full key. Without data.root, which says where the data lie and not what they are.
std::map<std::string, std::string> resolved_values(std::string_view resolved);

}  // namespace moesim::config
