#include "analysis/render/format.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <algorithm>

namespace moesim {

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names{"text", "csv", "md", "latex", "html", "json"};
  return names;
}

TableFormat format_of(const std::string& name) {
  const std::vector<std::string>& names = format_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found != names.end()) return static_cast<TableFormat>(found - names.begin());
  const std::string near = nearest(name, names);
  fail(Exit::usage, "unknown format '" + terminal_safe(name) +
                        "': " + (near.empty() ? "" : "did you mean " + near + "? ") +
                        "choose one of " + joined(names));
}

}  // namespace moesim
