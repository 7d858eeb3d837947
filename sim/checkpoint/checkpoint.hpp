// Checkpoints on disk: folders "step-000000100" that appear whole or not at all, each with a
// manifest of SHA-256, so that whatever happened to one of them is noticed and an older one used.
//
// One of another version, or one that the system does not let us read, may be whole: reading it
// throws Unreadable (sim/io/file.hpp), and it is neither removed nor overwritten. Links are never
// removed.
#pragma once

#include "sim/core/types.hpp"
#include "sim/io/publish.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct CheckpointInfo {
  index step = 0;       // updates done
  bool regular = true;  // at a multiple of checkpoint.every, not where a signal came
  // Validation loss of these parameters; NaN if they were not evaluated.
  double loss = std::numeric_limits<double>::quiet_NaN();
  std::string config_sha256, data_sha256;  // of the run that it belongs to
  std::string number;                      // "F32" or "F64"
  // The first bytes of kBlocksFile, which belong to it; and of the run file of a complete run,
  // which is published next. "": none.
  std::uint64_t block_bytes = 0;
  std::string blocks_sha256 = {}, published_sha256 = {};
};

// The files of a checkpoint.
inline constexpr const char* kWeightsFile = "weights.safetensors";  // the parameters
inline constexpr const char* kStateFile = "state.safetensors";      // what else training needs
inline constexpr const char* kRestFile = "records.rest";            // what was recorded until then,
// but for the blocks that were finished: they lie beside the checkpoints, in one file for all.
inline constexpr const char* kBlocksFile = "records.blocks";
// In checkpoints of earlier versions: all that was recorded.
inline constexpr const char* kRecordsFile = "run.h5";

// What a checkpoint holds, read and verified.
struct Checkpoint {
  CheckpointInfo info;
  std::string path;     // of its folder
  std::string weights;  // bytes of kWeightsFile
  std::string state;    // bytes of kStateFile
  std::string rest;     // bytes of kRestFile; "" in one of an earlier version, which has records()
  // Bytes of further files, by name; sim/data/stored.hpp is one that writes such.
  std::map<std::string, std::string> more;
  std::string records() const { return path + "/" + kRecordsFile; }
};

// The path of kBlocksFile.
std::string blocks_path(const std::string& run_folder);

// Writes checkpoint/step-N below the run's folder from the files, then removes those that nothing
// needs: kept are this one, the newest two regular ones and the one with the lowest validation
// loss. Throws Exit::output; older checkpoints are untouched then.
void write_checkpoint(const std::string& run_folder, const CheckpointInfo& info,
                      const std::vector<FileContent>& files);

// Throws Unreadable if there is a folder of checkpoints that cannot be looked into, which is not an
// empty one.
void require_checkpoints_listed(const std::string& run_folder);

// Steps of the checkpoints of a run, oldest first, damaged ones included.
std::vector<index> checkpoint_steps(const std::string& run_folder);

// What their manifests say, oldest first; those whose manifest is damaged are left out.
std::vector<CheckpointInfo> checkpoint_infos(const std::string& run_folder);

// Verifies every byte. Throws Exit::data: which file, and what is wrong with it.
Checkpoint read_checkpoint(const std::string& run_folder, index step);

// The newest that is whole and `wanted`, and that `use` takes: an Error with Exit::data from there
// is damage as well. `damaged` hears about those that are passed over.
std::optional<Checkpoint> newest_checkpoint(
    const std::string& run_folder, const std::function<bool(const CheckpointInfo&)>& wanted,
    const std::function<void(const std::string& problem)>& damaged,
    const std::function<void(const Checkpoint&)>& use = {});

// Those of later steps: damaged, or from a way that training did not go on.
void remove_checkpoints_after(const std::string& run_folder, index step);
// Moves all of them that this program may remove, and the blocks that they share, to the folder
// checkpoint/lost-1 (or -2, ...), and returns its path; "" if there is nothing to move. For those
// that cannot be taken up: what is missing may be found again. Throws Exit::output.
std::string set_aside_checkpoints(const std::string& run_folder);
// Removes all of them; what else the folder holds stays. Throws Unreadable, before anything is
// removed, if one of them must not be.
void remove_checkpoints(const std::string& run_folder);

}  // namespace moesim
