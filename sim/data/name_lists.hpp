// Lists of names of domains or tasks in options.
#pragma once

#include "sim/config/name_patterns.hpp"
#include "sim/config/options.hpp"

#include <string>
#include <vector>

namespace moesim {

// "; did you mean copy?", the name nearest to a word; all names if none is near.
std::string perhaps(const std::string& word, const std::vector<std::string>& names);

// Throws (exit 2) for a chosen name that is none of `names`, with the nearest. kind: "task", "domain".
void require_names(const Options& options, const std::string& key, const std::string& kind,
                   const std::vector<std::string>& chosen, const std::vector<std::string>& names);

// Throws (exit 2) if all names are held out.
void require_some_left(const Options& options, const std::string& key, const std::string& kind,
                       const std::vector<std::string>& held_out,
                       const std::vector<std::string>& names);

}  // namespace moesim
