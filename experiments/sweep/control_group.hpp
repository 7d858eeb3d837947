// What the control group of this process (a container, a batch job) may use.
#pragma once

#include <string>

namespace moesim {

// Where the system says so; tests have folders of their own.
struct ControlGroupFiles {
  std::string root = "/sys/fs/cgroup";
  std::string own = "/proc/self/cgroup";
};

// The tightest of the limits of the group and of those around it, in version 1 or 2 of control
// groups; 0: no limit, or unknown.
double group_processors(const ControlGroupFiles& files = {});  // quota over period, as 1.5
double group_memory(const ControlGroupFiles& files = {});      // bytes that are left, at least 1

}  // namespace moesim
