// Moves and trims the recorded rows of a run file that another run continues.
#pragma once

#include "sim/record/run_file.hpp"

#include <memory>
#include <string>

namespace moesim {

// Copies the finished blocks of `file` to another store, which `file` then uses.
void move_blocks(RunFile& file, const std::shared_ptr<BlockStore>& store);

// Removes the last row of every variable whose first dimension is `dim`, if necessary from its last
// finished block. That block stays in the store, so call this before move_blocks.
void drop_last_row(RunFile& file, const std::string& dim);

}  // namespace moesim
