#include "sim/checkpoint/checkpoint.hpp"

#include "sim/checkpoint/safetensors.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"
#include "sim/data/sha256.hpp"
#include "sim/record/block_store.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kManifest = "manifest.json";
constexpr std::int64_t kFormat = 2;
constexpr std::int64_t kOldestFormat = 1;  // with all records in each checkpoint
constexpr std::uintmax_t kMostManifest = 1 << 16;
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

Json read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  const std::string text = read_file(path, kMostManifest);
  Json json = Json::parse(text, nullptr, false);
  // Written compactly, it reads back as the same bytes; and its last entry vouches for the others.
  if (json.is_discarded() || !json.is_object() || !json.contains("sha256") || json.dump() != text)
    damaged(path, "damaged");
  Json rest = json;
  rest.erase("sha256");
  const std::string vouched = rest.dump();
  if (json["sha256"] != sha256_hex(vouched.data(), vouched.size())) damaged(path, "damaged");
  const std::int64_t format = rest.value("format", std::int64_t{0});
  if (format < kOldestFormat || format > kFormat)
    damaged(path, "of another version of moesim; train again with --force");
  return rest;
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
std::string read_vouched(const Json& manifest, const fs::path& folder, const char* name) {
  try {
    const Json& expected = manifest.at("files").at(name);
    const auto size = expected.at("bytes").get<std::uintmax_t>();
    std::string bytes = read_file(folder / name, size);
    if (bytes.size() != size)
      damaged(folder / name, fmt::format("{} bytes, expected {}", bytes.size(), size));
    if (sha256_hex(bytes.data(), bytes.size()) != expected.at("sha256"))
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

// After `newest` was written. A folder whose manifest cannot be read does not count as one that is
// kept.
void prune(const std::string& run_folder, index newest) {
  const std::vector<CheckpointInfo> all = checkpoint_infos(run_folder);
  std::vector<index> kept = {newest};
  std::size_t regular = 0;
  for (auto i = all.rbegin(); i != all.rend(); ++i)
    if (i->regular && regular++ < kRegularKept) kept.push_back(i->step);
  const auto best = std::min_element(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.loss < b.loss || (std::isnan(b.loss) && !std::isnan(a.loss));
  });
  if (best != all.end() && !std::isnan(best->loss)) kept.push_back(best->step);
  for (const index step : checkpoint_steps(run_folder)) {
    if (std::find(kept.begin(), kept.end(), step) != kept.end()) continue;
    remove_folder(folder_of(run_folder, step));  // if it cannot, the next time may
  }
}

}  // namespace

std::string blocks_path(const std::string& run_folder) {
  return folder_of(run_folder) / kBlocksFile;
}

void write_checkpoint(const std::string& run_folder, const CheckpointInfo& info,
                      const std::vector<FileContent>& files) {
  const fs::path path = folder_of(run_folder, info.step);
  std::error_code error;
  fs::create_directory(path.parent_path(), error);
  if (error)
    fail(Exit::output, path.parent_path().string() + ": cannot create: " + error.message());
  remove_folder(path);  // one that is there was damaged, or is written again
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
  std::vector<CheckpointInfo> all;
  for (const index step : checkpoint_steps(run_folder)) {
    try {
      all.push_back(read_info(folder_of(run_folder, step)));
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
  return checkpoint;
}

std::optional<Checkpoint> newest_checkpoint(
    const std::string& run_folder, const std::function<bool(const CheckpointInfo&)>& wanted,
    const std::function<void(const std::string& problem)>& damaged) {
  std::vector<index> steps = checkpoint_steps(run_folder);
  for (; !steps.empty(); steps.pop_back()) {
    try {
      if (!wanted(read_info(folder_of(run_folder, steps.back())))) continue;
      return read_checkpoint(run_folder, steps.back());
    } catch (const Error& error) {
      damaged(error.what());
    }
  }
  return {};
}

void remove_checkpoints_after(const std::string& run_folder, index step) {
  for (const index other : checkpoint_steps(run_folder))
    if (other > step) remove_folder(folder_of(run_folder, other));
}

void remove_checkpoints(const std::string& run_folder) {
  const std::error_code error = remove_folder(folder_of(run_folder));
  if (error)
    fail(Exit::output, folder_of(run_folder).string() + ": cannot remove: " + error.message());
}

}  // namespace moesim
