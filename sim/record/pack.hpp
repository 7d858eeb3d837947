// A run file as plain bytes, for the way from one process to another, and for checkpoints. Of
// finished blocks only their number.
#pragma once

#include "sim/record/run_file.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

using RowBlocks = std::map<std::string, std::vector<RowBlock>>;  // by variable

std::string pack(const RunFile& run);
// With the blocks that were finished then. Throws std::runtime_error if the bytes are not what
// pack() made.
RunFile unpack(const std::string& bytes, const RowBlocks& finished = {});

}  // namespace moesim
