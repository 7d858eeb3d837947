// Encodes a run file as an HDF5 file in memory.
#pragma once

#include "sim/record/axes.hpp"
#include "sim/record/image.hpp"
#include "sim/record/run_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// `axes` are axes_of(run.variables()), `digest` is the run's digest. Equal runs give equal bytes.
// HDF5 never writes to disk, because it can report a full disk as late as on closing, with the file
// left half open; publishing writes the bytes and checks every call.
Image encode(const RunFile& run, const std::vector<Axis>& axes, const std::string& digest);

}  // namespace moesim
