// Serialises a run file to bytes, for pipes and checkpoints. Finished blocks are represented by
// their number only.
#pragma once

#include "sim/record/run_file.hpp"

#include <map>
#include <string>
#include <vector>

namespace moesim {

using RowBlocks = std::map<std::string, std::vector<RowBlock>>;  // by variable

std::string pack(const RunFile& run);
// Deserialises; `finished` are the blocks that the run file had. Throws std::runtime_error if
// pack() did not make the bytes.
RunFile unpack(const std::string& bytes, const RowBlocks& finished = {});

}  // namespace moesim
