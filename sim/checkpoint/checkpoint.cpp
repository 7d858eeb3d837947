#include "sim/checkpoint/checkpoint.hpp"

#include "sim/checkpoint/manifest.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/stored.hpp"
#include "sim/io/file.hpp"
#include "sim/record/block_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;

fs::path folder_of(const std::string& run_folder) { return fs::path(run_folder) / "checkpoint"; }
fs::path folder_of(const std::string& run_folder, index step) {
  return folder_of(run_folder) / fmt::format("step-{:09}", step);
}

void check_blocks(const std::string& run_folder, const CheckpointInfo& info) {
  if (info.block_bytes == 0) return;
  const std::string path = blocks_path(run_folder);
  if (std::error_code error; fs::symlink_status(path, error).type() == fs::file_type::not_found)
    damaged(path,
            "is missing; it holds the records of the checkpoints: restore it from "
            "a copy");
  { const InputFile opens(path); }  // throws Unreadable: a refused file is not damage
  if (BlockStore(path, info.block_bytes).sha256() != info.blocks_sha256)
    damaged(path, "damaged (its SHA-256 is not the manifest's)");
}

// True if the folder contains only files that this program wrote and can read. A folder that is a
// link, or contains links or other files, belongs to the user.
bool is_removable(const fs::path& folder) {
  std::error_code error;
  if (fs::is_symlink(folder, error)) return false;
  std::set<std::string> ours = {kManifest, kWeightsFile, kStateFile,    kRecordsFile,
                                kRestFile, kDataFile,    kTokenizerFile};
  try {
    const Manifest manifest = read_manifest(folder);
    for (const auto& [name, expected] : manifest.files) ours.insert(name);
  } catch (const Unreadable&) {
    return false;
  } catch (const Error&) {
    // Damaged: may be removed.
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (ours.count(entry.path().filename()) == 0 || entry.is_symlink(error)) return false;
    try {
      const InputFile opens(entry.path());
    } catch (const Unreadable&) {
      return false;
    } catch (const Error&) {
      continue;  // such as an empty file
    }
  }
  return true;
}

void remove_step(const std::string& run_folder, index step) {
  const fs::path folder = folder_of(run_folder, step);
  if (is_removable(folder)) remove_folder(folder);  // a failure is retried at the next checkpoint
}

// Prunes checkpoints after `newest` was written, but for `keep` regular ones. Folders with unreadable manifests do not count
// among those to keep.
void prune(const std::string& run_folder, index newest, index keep) {
  std::vector<CheckpointInfo> all;
  for (const index step : checkpoint_steps(run_folder)) {
    try {
      all.push_back(read_manifest(folder_of(run_folder, step)).info);
    } catch (const Error&) {
      continue;
    }
  }
  std::vector<index> kept = {newest};
  index regular = 0;
  for (auto i = all.rbegin(); i != all.rend(); ++i)
    if (i->regular && regular++ < keep) kept.push_back(i->step);
  const auto best = std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.loss < b.loss || (std::isnan(b.loss) && !std::isnan(a.loss));
  });
  if (best != all.end() && !std::isnan(best->loss)) kept.push_back(best->step);
  for (const index step : checkpoint_steps(run_folder))
    if (std::find(kept.begin(), kept.end(), step) == kept.end()) remove_step(run_folder, step);
}

}  // namespace

void require_checkpoints_listed(const std::string& run_folder) {
  const fs::path folder = folder_of(run_folder);
  std::error_code error;
  const bool is_link = fs::is_symlink(folder, error);
  const fs::directory_iterator first(folder, error);
  if (!error || error == std::errc::not_a_directory ||
      (error == std::errc::no_such_file_or_directory && !is_link))
    return;
  throw Unreadable(described(folder) + ": cannot be listed: " + error.message());
}

std::string blocks_path(const std::string& run_folder) {
  return folder_of(run_folder) / kBlocksFile;
}

void write_checkpoint(const std::string& run_folder, const CheckpointInfo& info,
                      const std::vector<FileContent>& files, index keep) {
  const fs::path path = folder_of(run_folder, info.step);
  std::error_code error;
  fs::create_directory(path.parent_path(), error);
  if (error)
    fail(Exit::output, described(path.parent_path()) + ": cannot create: " + error.message());
  // An existing folder of this step is damaged or outdated.
  if (fs::exists(fs::symlink_status(path, error)) && !is_removable(path))
    fail(Exit::output, described(path) + ": holds what this moesim cannot replace; move it away");
  remove_folder(path);
  const std::string manifest = manifest_of(info, files);
  std::vector<FileContent> all = files;
  all.push_back({kManifest, {manifest}});
  publish_folder(path, all);
  prune(run_folder, info.step, keep);
}

std::vector<index> checkpoint_steps(const std::string& run_folder) {
  std::vector<index> steps;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_of(run_folder), error)) {
    const std::string name = entry.path().filename();
    constexpr std::string_view kPrefix = "step-";
    const std::string digits = name.size() > kPrefix.size() ? name.substr(kPrefix.size()) : "";
    if (!name.starts_with(kPrefix) || digits.empty() || digits.size() > 18 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      continue;
    steps.push_back(std::stoll(digits));
  }
  if (is_shortage(error.value()))
    fail_short(folder_of(run_folder).string() + ": cannot be listed", error.value());
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::vector<CheckpointInfo> checkpoint_infos(const std::string& run_folder) {
  require_checkpoints_listed(run_folder);
  std::vector<CheckpointInfo> all;
  for (const index step : checkpoint_steps(run_folder)) {
    try {
      all.push_back(read_manifest(folder_of(run_folder, step)).info);
    } catch (const Unreadable&) {
      throw;
    } catch (const Error&) {
      continue;
    }
  }
  return all;
}

std::vector<CheckpointInfo> intact_infos(const std::string& run_folder) {
  std::vector<CheckpointInfo> all = checkpoint_infos(run_folder);
  const std::vector<index> steps = checkpoint_steps(run_folder);
  if (all.empty() && !steps.empty()) read_manifest(folder_of(run_folder, steps.back()));  // throws
  return all;
}

Checkpoint read_checkpoint(const std::string& run_folder, index step, CheckpointParts parts) {
  const fs::path folder = folder_of(run_folder, step);
  Checkpoint checkpoint;
  checkpoint.path = folder;
  const Manifest manifest = read_manifest(folder);
  checkpoint.info = manifest.info;
  if (checkpoint.info.step != step) damaged(folder, "holds another step than its name says");
  checkpoint.weights = read_vouched(manifest, folder, kWeightsFile);
  if (parts == CheckpointParts::all) checkpoint.state = read_vouched(manifest, folder, kStateFile);
  if (manifest.files.contains(kRestFile)) {
    checkpoint.rest = read_vouched(manifest, folder, kRestFile);
    check_blocks(run_folder, checkpoint.info);
  } else {
    read_vouched(manifest, folder, kRecordsFile);
  }
  for (const auto& [name, expected] : manifest.files) {
    if (name == kWeightsFile || name == kStateFile || name == kRestFile || name == kRecordsFile)
      continue;
    if (!config::is_name(name)) damaged(folder / kManifest, "has an invalid file name");
    checkpoint.more[name] = read_vouched(manifest, folder, name);
  }
  return checkpoint;
}

std::optional<Checkpoint> newest_checkpoint(
    const std::string& run_folder, const std::function<bool(const CheckpointInfo&)>& wanted,
    const std::function<void(const std::string& problem)>& damaged,
    const std::function<void(const Checkpoint&)>& use) {
  require_checkpoints_listed(run_folder);
  std::vector<index> steps = checkpoint_steps(run_folder);
  for (; !steps.empty(); steps.pop_back()) {
    try {
      if (!wanted(read_manifest(folder_of(run_folder, steps.back())).info)) continue;
      Checkpoint checkpoint = read_checkpoint(run_folder, steps.back());
      if (use) use(checkpoint);
      return checkpoint;
    } catch (const Unreadable&) {
      throw;
    } catch (const Error& error) {
      if (error.code() != Exit::data) throw;
      damaged(error.what());
    }
  }
  return {};
}

void remove_checkpoints_after(const std::string& run_folder, index step) {
  for (const index other : checkpoint_steps(run_folder))
    if (other > step) remove_step(run_folder, other);
}

std::string set_aside_checkpoints(const std::string& run_folder) {
  std::vector<fs::path> ours;
  for (const index step : checkpoint_steps(run_folder))
    if (const fs::path folder = folder_of(run_folder, step); is_removable(folder))
      ours.push_back(folder);
  std::error_code error;
  if (const fs::path blocks = blocks_path(run_folder); fs::is_regular_file(blocks, error))
    ours.push_back(blocks);
  if (ours.empty()) return {};
  fs::path aside;
  for (int number = 1; aside.empty() || fs::exists(fs::symlink_status(aside, error)); ++number)
    aside = folder_of(run_folder) / fmt::format("lost-{}", number);
  fs::create_directory(aside, error);
  for (const fs::path& path : ours)
    if (!error) fs::rename(path, aside / path.filename(), error);
  if (error) fail(Exit::output, described(aside) + ": cannot be written: " + error.message());
  return aside.string();
}

void remove_checkpoints(const std::string& run_folder) {
  const std::vector<index> steps = checkpoint_steps(run_folder);
  for (const index step : steps)
    if (const fs::path folder = folder_of(run_folder, step); !is_removable(folder))
      throw Unreadable(described(folder) +
                       ": not removed: a link, or it holds what this moesim did not write or "
                       "cannot read; move it "
                       "away, or choose another --out");
  for (const index step : steps)
    if (const std::error_code error = remove_folder(folder_of(run_folder, step)))
      fail(Exit::output,
           folder_of(run_folder, step).string() + ": cannot remove: " + error.message());
  std::error_code ignored;  // a new run overwrites them in any case
  if (!fs::is_symlink(blocks_path(run_folder), ignored))
    fs::remove(blocks_path(run_folder), ignored);
}

}  // namespace moesim
