#include "experiments/sweep/data_memory.hpp"

#include "experiments/sweep/version.hpp"
#include "sim/core/error.hpp"
#include "sim/data/info_json.hpp"
#include "sim/io/file.hpp"
#include "sim/io/publish.hpp"
#include "sim/io/sha256.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sys/stat.h>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kMemoryFormat = 2;
constexpr std::uint64_t kMostMemoryBytes = std::uint64_t{64} << 20;
constexpr std::size_t kMostKept = 100;  // entries

std::string sha256_of(const std::string& text) { return sha256_hex(text.data(), text.size()); }

// Entries are valid for one build only: another may read the same files differently.
std::string whole_key(const std::string& key) {
  return std::to_string(kMemoryFormat) + "\n" + version() + " " + git_revision() + " " +
         build_description() + "\n" + key;
}

std::string path_of(const DataMemory& memory, const std::string& key) {
  return memory.folder + "/data-" + sha256_of(whole_key(key)).substr(0, 16) + ".json";
}

bool is_plausible(const DatasetInfo& info) {
  return info.length > 0 && (info.vocabulary > 0) != (info.features > 0) && is_sha256(info.sha256);
}

Json json_of(const FileStamp& stamp) {
  return Json::array(
      {stamp.path, stamp.size, stamp.inode, stamp.device, stamp.modified, stamp.changed});
}

FileStamp stamp_of(const Json& json) {
  return {json.at(0), json.at(1), json.at(2), json.at(3), json.at(4), json.at(5)};
}

bool is_unchanged(const FileStamp& stamp) {
  struct stat status {};
  return ::stat(stamp.path.c_str(), &status) == 0 && moesim::stamp_of(stamp.path, status) == stamp;
}

// The names in the folders of these files and in their parents. A new file there may match a
// pattern.
Json listings_of(const std::vector<FileStamp>& files) {
  std::set<std::string> folders;
  for (const FileStamp& file : files) {
    const fs::path folder = fs::path(file.path).parent_path();
    folders.insert({folder.string(), folder.parent_path().string()});
  }
  Json listings = Json::array();
  for (const std::string& folder : folders) {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
      names.push_back(at->path().filename().string());
    std::sort(names.begin(), names.end());
    listings.push_back({folder, sha256_of(joined(names, "\n"))});
  }
  return listings;
}

// Removes the oldest entries.
void prune(const std::string& folder) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> kept;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (at->path().filename().string().starts_with("data-"))
      kept.emplace_back(at->last_write_time(error), at->path());
  if (kept.size() <= kMostKept) return;
  std::sort(kept.begin(), kept.end());
  for (std::size_t i = 0; i + kMostKept < kept.size(); ++i) fs::remove(kept[i].second, error);
}

}  // namespace

std::int64_t clock_now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

DataMemory user_memory() {
  DataMemory memory;
  const char* const cache = std::getenv("XDG_CACHE_HOME");
  const char* const home = std::getenv("HOME");
  // The XDG Base Directory Specification requires ignoring relative paths.
  if (cache != nullptr && *cache == '/')
    memory.folder = std::string(cache) + "/moesim";
  else if (home != nullptr && *home == '/')
    memory.folder = std::string(home) + "/.cache/moesim";
  return memory;
}

std::optional<KnownData> recall(const DataMemory& memory, const std::string& key) {
  if (memory.folder.empty()) return std::nullopt;
  try {
    const std::string text = read_file(path_of(memory, key), kMostMemoryBytes);
    // Check the entry's own hash, then its contents.
    const std::size_t end = text.find('\n');
    if (end == text.npos || text.substr(0, end) != sha256_of(text.substr(end + 1)))
      return std::nullopt;
    const Json json = Json::parse(text.substr(end + 1));
    if (json.at("key") != whole_key(key)) return std::nullopt;
    std::vector<FileStamp> files;
    for (const Json& file : json.at("files")) {
      files.push_back(stamp_of(file));
      if (!is_unchanged(files.back())) return std::nullopt;
    }
    if (!json.at("listings").empty() && json.at("listings") != listings_of(files))
      return std::nullopt;
    KnownData data{dataset_info(json.at("info")), {}};
    for (const Json& option : json.at("options"))
      data.options.push_back({{.key = option.at(0),
                               .type = option.at(1),
                               .default_value = option.at(2),
                               .range = option.at(3),
                               .help = option.at(4),
                               .former = option.at(6),
                               .silent = option.at(7)},
                              option.at(5)});
    if (!is_plausible(data.info)) return std::nullopt;
    return data;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const Error&) {
    return std::nullopt;
  }
}

void remember(const DataMemory& memory, const std::string& key, const KnownData& data,
              const std::vector<FileStamp>& files, bool patterns, std::int64_t began) {
  if (memory.folder.empty() || files.empty()) return;
  std::uint64_t bytes = 0;
  const std::int64_t latest =
      began - static_cast<std::int64_t>(std::llround(1e9 * memory.settled_seconds));
  for (const FileStamp& file : files) {
    bytes += file.size;
    if (file.modified > latest || file.changed > latest || !is_unchanged(file)) return;
  }
  if (bytes < memory.least_bytes) return;
  Json json = {{"key", whole_key(key)},
               {"files", Json::array()},
               {"listings", patterns ? listings_of(files) : Json::array()},
               {"info", to_json(data.info)},
               {"options", Json::array()}};
  for (const FileStamp& file : files) json["files"].push_back(json_of(file));
  for (const auto& [info, effective] : data.options)
    json["options"].push_back(Json::array({info.key, info.type, info.default_value, info.range,
                                           info.help, effective, info.former, info.silent}));
  try {
    std::error_code error;
    fs::create_directories(memory.folder, error);
    const std::string text = json.dump() + "\n";
    publish_bytes(path_of(memory, key), sha256_of(text) + "\n" + text);
    prune(memory.folder);
  } catch (const Json::exception&) {
    // JSON cannot store a name that is not UTF-8.
  } catch (const Error&) {
    // Not stored; the next start reads the data again.
  }
}

void forget(const DataMemory& memory, const std::string& key) {
  std::error_code ignored;
  if (!memory.folder.empty()) fs::remove(path_of(memory, key), ignored);
}

}  // namespace moesim
