// Detects files of another version of moesim, and unreadable files, before anything is written, so
// that they are neither removed nor overwritten.
#pragma once

#include <string>

namespace moesim {

// Reads the run file, the checkpoints and the lock in a run's folder. Throws Unreadable
// (sim/io/file.hpp) if another version wrote one of them or the system refuses to read it.
void require_own_run(const std::string& folder);

// Throws Unreadable for a plan of another format and for a file that is not a plan. Accepts a
// damaged plan, which may be replaced.
void require_own_plan(const std::string& path);

}  // namespace moesim
