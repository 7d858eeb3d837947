#include "sim/checkpoint/records.hpp"

#include "sim/core/error.hpp"
#include "sim/record/block_store.hpp"
#include "sim/record/pack.hpp"

#include <stdexcept>

namespace moesim {

RunFile read_records(const std::string& run_folder, const Checkpoint& checkpoint) {
  const auto store =
      std::make_shared<BlockStore>(blocks_path(run_folder), checkpoint.info.block_bytes);
  if (checkpoint.rest.empty()) {  // written by an earlier version
    RunFile run = read_run_file(checkpoint.records());
    run.keep_blocks(store);
    return run;
  }
  try {
    RunFile run = unpack(checkpoint.rest, store->blocks());
    run.keep_blocks(store);
    return run;
  } catch (const std::runtime_error& problem) {
    fail(Exit::data, checkpoint.path + "/" + kRestFile + ": " + problem.what());
  }
}

}  // namespace moesim
