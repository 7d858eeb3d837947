#include "sim/config/resolved.hpp"

#include "sim/config/text.hpp"

#include <algorithm>

namespace moesim::config {

std::map<std::string, std::string> resolved_values(std::string_view resolved) {
  std::map<std::string, std::string> values;
  std::string section;
  while (!resolved.empty()) {
    const std::size_t end = std::min(resolved.find('\n'), resolved.size());
    std::string_view line = trimmed(resolved.substr(0, end));
    if (line.ends_with('\r')) line = trimmed(line.substr(0, line.size() - 1));  // saved with CRLF
    resolved.remove_prefix(std::min(end + 1, resolved.size()));
    const std::size_t equals = line.find('=');
    if (line.starts_with('[') && line.ends_with(']')) {
      section = line.substr(1, line.size() - 2);
    } else if (equals != line.npos) {
      std::string key = section + "." + std::string(trimmed(line.substr(0, equals)));
      if (key != "data.root") values[std::move(key)] = trimmed(line.substr(equals + 1));
    }
  }
  return values;
}

}  // namespace moesim::config
