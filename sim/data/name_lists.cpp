#include "sim/data/name_lists.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace moesim {

std::string perhaps(const std::string& word, const std::vector<std::string>& names) {
  const std::string near = nearest(word, names);
  return near.empty() ? fmt::format("; they are {}", fmt::join(names, ", "))
                      : fmt::format("; did you mean {}?", near);
}

void require_names(const Options& options, const std::string& key, const std::string& kind,
                   const std::vector<std::string>& chosen, const std::vector<std::string>& names) {
  for (const std::string& name : chosen)
    if (std::find(names.begin(), names.end(), name) == names.end())
      options.reject(key, fmt::format("no {} is called '{}'{}", kind, config::printable(name),
                                      perhaps(name, names)));
}

void require_some_left(const Options& options, const std::string& key, const std::string& kind,
                       const std::vector<std::string>& held_out,
                       const std::vector<std::string>& names) {
  const auto is_out = [&](const std::string& name) {
    return std::find(held_out.begin(), held_out.end(), name) != held_out.end();
  };
  if (std::all_of(names.begin(), names.end(), is_out))
    options.reject(key, fmt::format("every {} is held out; leave one to train on", kind));
}

}  // namespace moesim
