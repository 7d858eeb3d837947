// What a checkpoint holds of the records.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"
#include "sim/record/run_file.hpp"

#include <string>

namespace moesim {

// The run file as it was then; its blocks go on in kBlocksFile. Throws Exit::data.
RunFile read_records(const std::string& run_folder, const Checkpoint& checkpoint);

}  // namespace moesim
