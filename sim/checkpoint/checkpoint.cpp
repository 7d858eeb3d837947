#include "sim/checkpoint/checkpoint.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"
#include "sim/data/sha256.hpp"
#include "sim/data/stored.hpp"
#include "sim/record/block_store.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kManifest = "manifest.json";
constexpr std::int64_t kFormat = 2;
constexpr std::int64_t kOldestFormat = 1;  // with all records in each checkpoint
constexpr std::uintmax_t kMostManifest = 1 << 20;
constexpr std::size_t kRegularKept = 2;

fs::path folder_of(const std::string& run_folder) { return fs::path(run_folder) / "checkpoint"; }
fs::path folder_of(const std::string& run_folder, index step) {
  return folder_of(run_folder) / fmt::format("step-{:09}", step);
}

// The manifest ends with the SHA-256 of what precedes, so that it vouches for itself.
std::string manifest_of(const CheckpointInfo& info, const std::vector<FileContent>& files) {
  Json json = {{"format", kFormat},
               {"step", info.step},
               {"regular", info.regular},
               {"loss", std::isnan(info.loss) ? Json(nullptr) : Json(info.loss)},
               {"config_sha256", info.config_sha256},
               {"data_sha256", info.data_sha256},
               {"number", info.number},
               {"blocks", {{"bytes", info.block_bytes}, {"sha256", info.blocks_sha256}}},
               {"published_sha256", info.published_sha256},
               {"files", Json::object()}};
  for (const FileContent& file : files) {
    Sha256 sum;
    std::size_t bytes = 0;
    for (const std::string_view piece : file.pieces) {
      sum.add(piece);
      bytes += piece.size();
    }
    json["files"][file.name] = {{"bytes", bytes}, {"sha256", sum.hex()}};
  }
  const std::string text = json.dump();
  json["sha256"] = sha256_hex(text.data(), text.size());
  return json.dump();
}

[[noreturn]] void damaged(const fs::path& path, const std::string& problem) {
  fail(Exit::data, path.string() + ": " + problem);
}

// Is the text a manifest of this format, if its last entry vouches for the others?
bool vouches_for_itself(Json json) {
  const Json sum = json["sha256"];
  json.erase("sha256");
  const std::string vouched = json.dump();
  return sum.is_string() && sum.get<std::string>() == sha256_hex(vouched.data(), vouched.size());
}

// Whole, but of another format. Not so if the number of the format is all that is damaged.
void refuse_other_format(const fs::path& path, const Json& json) {
  if (!json.is_object() || !json.contains("format")) return;
  const Json& format = json["format"];
  if (!format.is_number() && !format.is_string()) return;
  if (format.is_number_integer() && format.get<std::int64_t>() >= kOldestFormat &&
      format.get<std::int64_t>() <= kFormat)
    return;
  Json ours = json;
  for (std::int64_t known = kOldestFormat; known <= kFormat; ++known) {
    ours["format"] = known;
    if (vouches_for_itself(ours)) return;
  }
  throw Unreadable(
      fmt::format("{}: of format {}, this moesim reads formats {} to {}; use the version that "
                  "wrote it, or another "
                  "--out",
                  path.string(), config::printable(format.dump()), kOldestFormat, kFormat));
}

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  const std::string text = read_file(path, kMostManifest);
  Json json = Json::parse(text, nullptr, false);
  refuse_other_format(path, json);
  // Written compactly, it reads back as the same bytes.
  if (json.is_discarded() || !json.is_object() || !json.contains("sha256") || json.dump() != text ||
      !vouches_for_itself(json))
    damaged(path, "damaged");
  json.erase("sha256");
  return json;
}

CheckpointInfo info_of(const Json& manifest, const fs::path& folder) {
  try {
    const Json& loss = manifest.at("loss");
    const Json blocks = manifest.value("blocks", Json::object());
    return {manifest.at("step"),
            manifest.at("regular"),
            loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>(),
            manifest.at("config_sha256"),
            manifest.at("data_sha256"),
            manifest.at("number"),
            blocks.value("bytes", std::uint64_t{0}),
            blocks.value("sha256", std::string()),
            manifest.value("published_sha256", std::string())};
  } catch (const Json::exception&) {
    damaged(folder / kManifest, "incomplete");
  }
}

CheckpointInfo read_info(const fs::path& folder) { return info_of(read_manifest(folder), folder); }

// A file with the size and the checksum that the manifest says.
std::string read_vouched(const Json& manifest, const fs::path& folder, const std::string& name) {
  try {
    const Json& expected = manifest.at("files").at(name);
    const auto size = expected.at("bytes").get<std::uintmax_t>();
    std::string bytes = read_file(folder / name, size);
    if (bytes.size() != size)
      damaged(folder / name, fmt::format("{} bytes, expected {}", bytes.size(), size));
    if (expected.at("sha256") != Json(sha256_hex(bytes.data(), bytes.size())))
      damaged(folder / name, "damaged (its SHA-256 is not the manifest's)");
    return bytes;
  } catch (const Json::exception&) {
    damaged(folder / kManifest, "incomplete");
  }
}

void check_blocks(const std::string& run_folder, const CheckpointInfo& info) {
  if (info.block_bytes == 0) return;
  const std::string path = blocks_path(run_folder);
  if (BlockStore(path, info.block_bytes).sha256() != info.blocks_sha256)
    damaged(path, "damaged (its SHA-256 is not the manifest's)");
}

// Is there nothing but what this program wrote, and can read? What is a link, or holds one, and a
// folder in which somebody keeps other files, are theirs.
bool is_removable(const fs::path& folder) {
  std::error_code error;
  if (fs::is_symlink(folder, error)) return false;
  std::set<std::string> ours = {kManifest, kWeightsFile, kStateFile,    kRecordsFile,
                                kRestFile, kDataFile,    kTokenizerFile};
  try {
    const Json manifest = read_manifest(folder);
    info_of(manifest, folder);
    for (const auto& [name, expected] : manifest["files"].items()) ours.insert(name);
  } catch (const Unreadable&) {
    return false;
  } catch (const Error&) {
    // Damaged: of no use to anybody.
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (ours.count(entry.path().filename()) == 0 || entry.is_symlink(error)) return false;
    try {
      const InputFile opens(entry.path());
    } catch (const Unreadable&) {
      return false;
    } catch (const Error&) {
      continue;  // empty, for one
    }
  }
  return true;
}

void remove_step(const std::string& run_folder, index step) {
  const fs::path folder = folder_of(run_folder, step);
  if (is_removable(folder)) remove_folder(folder);  // if it cannot, the next time may
}

// After `newest` was written. A folder whose manifest cannot be read does not count as one that is
// kept.
void prune(const std::string& run_folder, index newest) {
  std::vector<CheckpointInfo> all;
  for (const index step : checkpoint_steps(run_folder)) {
    try {
      all.push_back(read_info(folder_of(run_folder, step)));
    } catch (const Error&) {
      continue;
    }
  }
  std::vector<index> kept = {newest};
  std::size_t regular = 0;
  for (auto i = all.rbegin(); i != all.rend(); ++i)
    if (i->regular && regular++ < kRegularKept) kept.push_back(i->step);
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
  fs::directory_iterator(folder, error);
  if (!error || error == std::errc::not_a_directory ||
      (error == std::errc::no_such_file_or_directory && !is_link))
    return;
  throw Unreadable(described(folder) + ": cannot be looked into: " + error.message());
}

std::string blocks_path(const std::string& run_folder) {
  return folder_of(run_folder) / kBlocksFile;
}

void write_checkpoint(const std::string& run_folder, const CheckpointInfo& info,
                      const std::vector<FileContent>& files) {
  const fs::path path = folder_of(run_folder, info.step);
  std::error_code error;
  fs::create_directory(path.parent_path(), error);
  if (error)
    fail(Exit::output, described(path.parent_path()) + ": cannot create: " + error.message());
  // One that is there was damaged, or is written again.
  if (fs::exists(fs::symlink_status(path, error)) && !is_removable(path))
    fail(Exit::output, described(path) + ": holds what this moesim cannot replace; move it away");
  remove_folder(path);
  const std::string manifest = manifest_of(info, files);
  std::vector<FileContent> all = files;
  all.push_back({kManifest, {manifest}});
  publish_folder(path, all);
  prune(run_folder, info.step);
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
  std::sort(steps.begin(), steps.end());
  return steps;
}

std::vector<CheckpointInfo> checkpoint_infos(const std::string& run_folder) {
  require_checkpoints_listed(run_folder);
  std::vector<CheckpointInfo> all;
  for (const index step : checkpoint_steps(run_folder)) {
    try {
      all.push_back(read_info(folder_of(run_folder, step)));
    } catch (const Unreadable&) {
      throw;
    } catch (const Error&) {
      continue;
    }
  }
  return all;
}

Checkpoint read_checkpoint(const std::string& run_folder, index step) {
  const fs::path folder = folder_of(run_folder, step);
  Checkpoint checkpoint;
  checkpoint.path = folder;
  const Json manifest = read_manifest(folder);
  checkpoint.info = info_of(manifest, folder);
  if (checkpoint.info.step != step) damaged(folder, "holds another step than its name says");
  checkpoint.weights = read_vouched(manifest, folder, kWeightsFile);
  checkpoint.state = read_vouched(manifest, folder, kStateFile);
  if (manifest.at("files").contains(kRestFile)) {
    checkpoint.rest = read_vouched(manifest, folder, kRestFile);
    check_blocks(run_folder, checkpoint.info);
  } else {
    read_vouched(manifest, folder, kRecordsFile);
  }
  for (const auto& [name, expected] : manifest["files"].items()) {
    if (name == kWeightsFile || name == kStateFile || name == kRestFile || name == kRecordsFile)
      continue;
    if (!config::is_name(name)) damaged(folder / kManifest, "names a file that is none");
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
      if (!wanted(read_info(folder_of(run_folder, steps.back())))) continue;
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
  std::error_code ignored;  // they are written over in any case
  if (!fs::is_symlink(blocks_path(run_folder), ignored))
    fs::remove(blocks_path(run_folder), ignored);
}

}  // namespace moesim
