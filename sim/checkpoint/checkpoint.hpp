// Writes, verifies and prunes the checkpoints of a run: folders "step-000000100" that appear
// atomically, each with a manifest of SHA-256 sums, so that damage is detected and an older
// checkpoint used instead.
//
// A checkpoint of another version, or one that the system refuses to read, may be intact: reading
// it throws Unreadable (sim/io/file.hpp), and it is neither removed nor overwritten. Links are
// never removed.
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

// CheckpointInfo is what the manifest says about a checkpoint.
struct CheckpointInfo {
  index step = 0;       // updates done
  bool regular = true;  // at a multiple of checkpoint.every, not after a signal
  // Validation loss of these parameters; NaN if they were not evaluated.
  double loss = std::numeric_limits<double>::quiet_NaN();
  std::string config_sha256, data_sha256;  // of its run
  std::string number;                      // "F32" or "F64"
  // Length and hash of the prefix of kBlocksFile that belongs to the checkpoint; for a complete
  // run, also the hash of the run file, which is published next. "": none.
  std::uint64_t block_bytes = 0;
  std::string blocks_sha256 = {}, published_sha256 = {};
};

// The files of a checkpoint.
inline constexpr const char* kWeightsFile = "weights.safetensors";  // the parameters
inline constexpr const char* kStateFile = "state.safetensors";      // moments, buffers, position
inline constexpr const char* kRestFile = "records.rest";  // records outside finished blocks
// The finished blocks of records: one file for all checkpoints of a run, in their parent folder.
inline constexpr const char* kBlocksFile = "records.blocks";
// In checkpoints of earlier versions: all records.
inline constexpr const char* kRecordsFile = "run.h5";

// Checkpoint is the content of a checkpoint, read and verified.
struct Checkpoint {
  CheckpointInfo info;
  std::string path;     // of its folder
  std::string weights;  // bytes of kWeightsFile
  std::string state;    // bytes of kStateFile
  std::string rest;     // bytes of kRestFile; "" in earlier versions, which have records()
  // Bytes of other files by name, such as those of sim/data/stored.hpp.
  std::map<std::string, std::string> more;
  std::string records() const { return path + "/" + kRecordsFile; }
};

// The path of kBlocksFile.
std::string blocks_path(const std::string& run_folder);

// Writes checkpoint/step-N in the run's folder, then prunes: keeps this one, the newest `keep`
// regular ones and the one with the lowest validation loss. Throws Exit::output, leaving older
// checkpoints untouched.
inline constexpr index kRegularKept = 2;
void write_checkpoint(const std::string& run_folder, const CheckpointInfo& info,
                      const std::vector<FileContent>& files, index keep = kRegularKept);

// Throws Unreadable if the folder of checkpoints exists but cannot be listed.
void require_checkpoints_listed(const std::string& run_folder);

// Steps of the checkpoints of a run, oldest first, including damaged ones.
std::vector<index> checkpoint_steps(const std::string& run_folder);

// The manifests of the checkpoints, oldest first, without damaged manifests.
std::vector<CheckpointInfo> checkpoint_infos(const std::string& run_folder);

// The same of a run with checkpoints. Throws Exit::data, with the problem of the newest, if all
// manifests are damaged; -> none if there are no checkpoints.
std::vector<CheckpointInfo> intact_infos(const std::string& run_folder);

// What is read of a checkpoint: all, or all but kStateFile, for which damage is no matter then.
enum class CheckpointParts { all, no_state };

// Reads a checkpoint and verifies every byte of these parts. Throws Exit::data with the file and the
// problem.
Checkpoint read_checkpoint(const std::string& run_folder, index step,
                           CheckpointParts parts = CheckpointParts::all);

// Finds the newest intact checkpoint that satisfies `wanted` and that `use` accepts: an Error with
// Exit::data from `use` counts as damage. Calls `damaged` for each checkpoint that is skipped.
std::optional<Checkpoint> newest_checkpoint(
    const std::string& run_folder, const std::function<bool(const CheckpointInfo&)>& wanted,
    const std::function<void(const std::string& problem)>& damaged,
    const std::function<void(const Checkpoint&)>& use = {});

// Removes the checkpoints of later steps, which are damaged or were rewound past.
void remove_checkpoints_after(const std::string& run_folder, index step);
// Moves all checkpoints that this program may remove, and their shared blocks, to the folder
// checkpoint/lost-1 (or -2, ...) and returns its path; "" if there are none. Called when none can
// be restored, because missing files may be found again. Throws Exit::output.
std::string set_aside_checkpoints(const std::string& run_folder);
// Removes all checkpoints and keeps other files. Throws Unreadable, before removing anything, if
// one of them must not be removed.
void remove_checkpoints(const std::string& run_folder);

}  // namespace moesim
