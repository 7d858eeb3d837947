// A run file as an HDF5 file.
#pragma once

#include "sim/record/axes.hpp"
#include "sim/record/image.hpp"
#include "sim/record/run_file.hpp"

#include <string>
#include <vector>

namespace moesim {

// `axes` are axes_of(run.variables()), `digest` its digest. The same run gives the same bytes. HDF5
// writes into memory, so the only disk access is that of publishing, whose every error is seen;
// HDF5 can report a full disk as late as while closing, and leaves its file half open then.
Image encode(const RunFile& run, const std::vector<Axis>& axes, const std::string& digest);

}  // namespace moesim
