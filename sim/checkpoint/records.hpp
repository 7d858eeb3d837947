// Restores the records of a checkpoint.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

// Returns the run file as of the checkpoint; further blocks are appended to kBlocksFile. Throws
// Exit::data.
RunFile read_records(const std::string& run_folder, const Checkpoint& checkpoint);

}  // namespace moesim
