#include "experiments/sweep/data_cache.hpp"

#include "experiments/terminal/slow_notice.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"

#include <algorithm>
#include <filesystem>
#include <utility>

namespace moesim {
namespace {

const std::string kSection = "data";

// A data set that is known but not read: it has info() and no batches.
class UnreadData final : public Dataset {
 public:
  explicit UnreadData(DatasetInfo info) : info_(std::move(info)) {}
  const DatasetInfo& info() const override { return info_; }
  Batch batch(Split, std::uint64_t, index, index) const override {
    fail_in("data", "a batch of data that was not read");
  }

 private:
  DatasetInfo info_;
};

std::vector<ReadOption> options_read(const Settings& settings) {
  std::vector<ReadOption> options;
  for (const std::string& key : settings.order())
    if (config::section_of(key) == kSection)
      options.push_back({settings.declared().at(key), settings.effective(key)});
  return options;
}

// True if a value names a folder or a pattern, whose files may change.
bool has_patterns(const std::vector<ReadOption>& options) {
  std::error_code error;
  return std::any_of(options.begin(), options.end(), [&](const ReadOption& option) {
    return option.info.type == "text" &&
           (option.effective.find_first_of("*?[;,:") != std::string::npos ||
            std::filesystem::is_directory(option.effective, error));
  });
}

std::string name_of(const Settings& settings) {
  for (const char* key : {"data.path", "data.images", "data.name"})
    if (const auto found = settings.values().find(key); found != settings.values().end())
      return key + (" = " + config::printable(found->second.value));
  return "data.name = synthetic";
}

}  // namespace

DataCache DataCache::for_plans(DataMemory memory) {
  DataCache cache;
  cache.memory_ = std::move(memory);
  return cache;
}

std::string DataCache::key_of(const Settings& settings) {
  // The folder from which relative paths start, as an absolute path, also if it is a default.
  const std::string kRoot = "data.root";
  const auto root = settings.values().find(kRoot);
  std::error_code error;
  std::string key =
      std::filesystem::absolute(
          root == settings.values().end() || root->second.value.empty() ? "." : root->second.value,
          error)
          .lexically_normal()
          .string();
  while (key.size() > 1 && key.ends_with('/')) key.pop_back();
  for (const auto& [name, setting] : settings.values())
    if (config::section_of(name) == kSection && name != kRoot)
      key += "\n" + name + " = " + setting.value;
  return key;
}

std::shared_ptr<const Dataset> DataCache::get(Settings& settings) {
  const std::string key = key_of(settings);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return entries_.emplace(key, read(settings, key)).first->second.data;
  for (const auto& [info, effective] : found->second.options) settings.declare(info, effective);
  return found->second.data;
}

DataCache::Entry DataCache::read(Settings& settings, const std::string& key) const {
  if (std::optional<KnownData> known = recall(memory_, key)) {
    for (const auto& [info, effective] : known->options) settings.declare(info, effective);
    return {std::make_shared<UnreadData>(std::move(known->info)), std::move(known->options)};
  }
  const SlowNotice notice("reading the data (" + name_of(settings) + ")");
  const std::int64_t began = clock_now();
  const FileJournal journal;
  Options options(settings, kSection);
  Entry entry{make_dataset(options), {}};
  entry.options = options_read(settings);
  remember(memory_, key, {entry.data->info(), entry.options}, journal.files(),
           has_patterns(entry.options), began);
  return entry;
}

}  // namespace moesim
