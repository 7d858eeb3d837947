// Changes of a run file that is taken over by another run.
#pragma once

#include "sim/record/run_file.hpp"

#include <memory>
#include <string>

namespace moesim {

// Copies the finished blocks to another store, which keeps them from now on.
void move_blocks(RunFile& file, const std::shared_ptr<BlockStore>& store);

// Removes the last row of every variable whose first dimension this is, from its last finished
// block if need be. The block stays in the store: to be called before move_blocks.
void drop_last_row(RunFile& file, const std::string& dim);

}  // namespace moesim
