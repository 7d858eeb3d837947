// Finds the folder of the dense steps of a run with init.at: "dense" in the run's folder. It has the
// files of a run, but it is a part of one.
#pragma once

#include <string>

namespace moesim {

// The path of the folder of dense steps.
std::string dense_folder(const std::string& run_folder);

// True if `folder` is that of the dense steps of a run.
bool is_dense_folder(const std::string& folder);

inline constexpr const char* kDensePart =
    "the dense steps of the run in the folder above (init.at)";

}  // namespace moesim
