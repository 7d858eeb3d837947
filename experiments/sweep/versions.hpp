// Checks before anything is written: files of another version of moesim, and files that the system
// does not let this one read, are neither removed nor overwritten.
#pragma once

#include <string>

namespace moesim {

// Reads the run file, the checkpoints and the lock in a run's folder, and changes none of them.
// Throws Unreadable (sim/io/file.hpp) for one of another version or one that cannot be read.
void require_own_run(const std::string& folder);

// Throws Unreadable for a plan of another format, and for a file that is no plan. A damaged plan
// may be replaced.
void require_own_plan(const std::string& path);

}  // namespace moesim
