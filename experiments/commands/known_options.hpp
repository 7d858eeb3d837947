// Collects the options of the program by building everything once with its defaults.
#pragma once

#include "sim/config/options.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

struct Site;

// A typical site, at which to build a router in order to learn its options and receptive field.
Site ordinary_site();

// The names of all routers, sorted.
std::vector<std::string> router_names();

// Every option by key: of all data sets, tasks, optimisers, routers and experts, and of the
// sections that every run has. Parts that cannot be built without files or labels declare their
// options before they fail.
std::map<std::string, OptionInfo> known_options();

}  // namespace moesim
