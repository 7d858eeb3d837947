// A run file as the bytes of an HDF5 file.
#pragma once

#include "sim/record/axes.hpp"
#include "sim/record/run_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// `axes` are axes_of(run.variables()). The same run gives the same bytes. The file is made in
// memory, so the only disk access is publish_bytes', whose every error is seen; HDF5 can report a
// full disk as late as while closing, and leaves its file half open then.
std::string encode(const RunFile& run, const std::vector<Axis>& axes);

}  // namespace moesim
