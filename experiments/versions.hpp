// What another version of moesim wrote, or what the system does not let this one read, is neither
// removed nor overwritten.
#pragma once

#include <string>

namespace moesim {

// Throws Unreadable (sim/data/file.hpp) if the folder of a run holds such a run file, checkpoint or
// lock; reads them, and touches nothing.
void require_own_run(const std::string& folder);

// The same for a plan: of another format, or no plan at all. One that is damaged may be replaced.
void require_own_plan(const std::string& path);

}  // namespace moesim
