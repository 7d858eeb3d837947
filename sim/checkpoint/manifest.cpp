#include "sim/checkpoint/manifest.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::int64_t kFormat = 2;
constexpr std::int64_t kOldestFormat = 1;  // format 1 has all records in each checkpoint
constexpr std::uintmax_t kMostManifest = 1 << 20;

// True if the text is a manifest of this format whose own SHA-256 matches.
bool vouches_for_itself(Json json) {
  const Json sum = json["sha256"];
  json.erase("sha256");
  const std::string vouched = json.dump();
  return sum.is_string() && sum.get<std::string>() == sha256_hex(vouched.data(), vouched.size());
}

// Throws Unreadable for an intact manifest of another format. Returns if only the format number is
// damaged.
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
                  "wrote it, or another --out",
                  path.string(), config::printable(format.dump()), kOldestFormat, kFormat));
}

CheckpointInfo info_of(const Json& json) {
  const Json& loss = json.at("loss");
  const Json blocks = json.value("blocks", Json::object());
  return {json.at("step"),
          json.at("regular"),
          loss.is_null() ? std::numeric_limits<double>::quiet_NaN() : loss.get<double>(),
          json.at("config_sha256"),
          json.at("data_sha256"),
          json.at("number"),
          blocks.value("bytes", std::uint64_t{0}),
          blocks.value("sha256", std::string()),
          json.value("published_sha256", std::string())};
}

}  // namespace

void damaged(const fs::path& path, const std::string& problem) {
  fail(Exit::data, path.string() + ": " + problem);
}

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

Manifest read_manifest(const fs::path& folder) {
  const fs::path path = folder / kManifest;
  const std::string text = read_file(path, kMostManifest);
  const Json json = Json::parse(text, nullptr, false);
  refuse_other_format(path, json);
  // Compact JSON reads back to the same bytes.
  if (json.is_discarded() || !json.is_object() || !json.contains("sha256") || json.dump() != text ||
      !vouches_for_itself(json))
    damaged(path, "damaged");
  try {
    Manifest manifest{info_of(json), {}};
    for (const auto& [name, file] : json.at("files").items())
      manifest.files[name] = {file.at("bytes"), file.at("sha256")};
    return manifest;
  } catch (const Json::exception&) {
    damaged(path, "incomplete");
  }
}

std::string read_vouched(const Manifest& manifest, const fs::path& folder,
                         const std::string& name) {
  const auto found = manifest.files.find(name);
  if (found == manifest.files.end()) damaged(folder / kManifest, "incomplete");
  const Manifest::File& expected = found->second;
  std::string bytes = read_file(folder / name, expected.bytes);
  if (bytes.size() != expected.bytes)
    damaged(folder / name, fmt::format("{} bytes, expected {}", bytes.size(), expected.bytes));
  if (expected.sha256 != sha256_hex(bytes.data(), bytes.size()))
    damaged(folder / name, "damaged (its SHA-256 is not the manifest's)");
  return bytes;
}

}  // namespace moesim
