// The options of this program, found by building everything once with its defaults.
#pragma once

#include "sim/config/options.hpp"

#include <map>
#include <string>

namespace moesim {

struct Site;

// An ordinary place for a router: what it sees, and its options, come from building it there.
Site ordinary_site();

// Every option that something here reads, by key: those of every data set, task, optimiser, router
// and expert, and of all sections that every run has. What cannot be built without files or labels
// declares its options before it fails.
std::map<std::string, OptionInfo> known_options();

}  // namespace moesim
