#include "experiments/sweep/version.hpp"

#include "sim/core/types.hpp"

#include "moesim_revision.hpp"

namespace moesim {

const char* version() { return MOESIM_VERSION; }
const char* git_revision() { return MOESIM_GIT; }

std::string build_description() {
  return std::string(sizeof(real) == 4 ? "float32" : "float64") + ", " + MOESIM_COMPILER + ", " +
         MOESIM_BUILD;
}

}  // namespace moesim
