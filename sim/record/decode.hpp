// An HDF5 file as a run file. For read_run_file, which calls it where a crash does no harm.
#pragma once

#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

// Throws std::exception with the reason, without the path.
RunFile decode(const std::string& path);

}  // namespace moesim
