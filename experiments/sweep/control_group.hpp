// Reads the processor and memory limits of this process's control group (container, batch job).
#pragma once

#include <string>

namespace moesim {

// ControlGroupFiles is where the system publishes them; tests use other folders.
struct ControlGroupFiles {
  std::string root = "/sys/fs/cgroup";
  std::string own = "/proc/self/cgroup";
};

// The tightest limit of the group and its ancestors, in version 1 or 2 of control groups; 0: no
// limit, or unknown.
double group_processors(const ControlGroupFiles& files = {});  // quota / period, such as 1.5
double group_memory(const ControlGroupFiles& files = {});      // remaining bytes, at least 1

}  // namespace moesim
