#include "sim/data/pair_files.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/expand.hpp"
#include "sim/data/foreign.hpp"
#include "sim/data/json_lines.hpp"
#include "sim/data/tokenizer.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

namespace moesim {
namespace {

class StoredPairs final : public PairSource {
 public:
  index size(Split split) const override { return static_cast<index>(of(split).size()); }
  Pair pair(Split split, index number) const override {
    return of(split).at(static_cast<std::size_t>(number));
  }
  std::string fingerprint() const override {
    std::string all;
    for (const auto* pairs : {&train_, &validation_}) {
      all += fmt::format("{}\n", pairs->size());
      for (const Pair& pair : *pairs)
        all += fmt::format("{} {} {}{}", pair.source.size(), pair.target.size(), pair.source,
                           pair.target);
    }
    return "files " + sha256_hex(all.data(), all.size());
  }
  void add(Pair pair, double fraction) {
    const bool train = split_of(pair.source, fraction) == Split::train;
    (train ? train_ : validation_).push_back(std::move(pair));
  }

 private:
  const std::vector<Pair>& of(Split split) const {
    return split == Split::train ? train_ : validation_;
  }
  std::vector<Pair> train_, validation_;
};

using Take = std::function<void(Pair, const std::string& label)>;

void each_line(const std::string& path, std::string_view contents, const Take& take) {
  std::size_t number = 0;
  for (std::size_t at = 0; at < contents.size();) {
    const std::size_t end = std::min(contents.find('\n', at), contents.size());
    std::string_view line = contents.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) continue;
    const auto tabs = std::count(line.begin(), line.end(), '\t');
    if (tabs != 1)
      fail(Exit::data,
           fmt::format("{}:{}: expected source, tab, target; found {} tabs", path, number, tabs));
    const std::size_t tab = line.find('\t');
    take({std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))}, "");
  }
}

bool is_table(std::string_view path) {
  for (const char* ending : {".gz", ".zst"})
    if (path.ends_with(ending)) path.remove_suffix(std::string_view(ending).size());
  return path.ends_with(".tsv");
}

void each_pair(const std::string& path, const std::string& contents, const PairReading& reading,
               const Take& take) {
  if (const std::string found = format_by_magic(contents); !found.empty())
    fail(Exit::data, fmt::format("{}: expected pairs, found {}", path, found));
  const std::string_view text =
      std::string_view(contents).substr(contents.starts_with("\xEF\xBB\xBF") ? 3 : 0);
  if (is_table(path)) return each_line(path, text, take);
  each_record(
      path, text,
      {{reading.source_field, "data.source_field"}, {reading.target_field, "data.target_field"}},
      reading.label_field, [&](const std::vector<std::string>& texts, const std::string& label) {
        take({texts[0], texts[1]}, label);
      });
}

void require_utf_8(const std::string& path, const Pair& pair) {
  for (const std::string* text : {&pair.source, &pair.target})
    if (find_invalid_utf8(*text) != std::string::npos)
      fail(Exit::data, fmt::format("{}: expected UTF-8, found an invalid byte in '{}': use tokens "
                                   "= bytes, or convert the file (iconv -f latin1 -t utf-8)",
                                   path, config::printable(*text)));
}

}  // namespace

PairFiles read_pairs(const std::vector<CorpusPart>& parts, const PairReading& reading) {
  PairFiles result;
  std::map<std::string, std::unique_ptr<StoredPairs>> labelled;
  std::vector<std::string> order;  // of the labels
  std::uint64_t left = kMaxDataBytes;
  const auto pairs_of = [&](const std::string& label) -> StoredPairs& {
    std::unique_ptr<StoredPairs>& known = labelled[label];
    if (known == nullptr) {
      known = std::make_unique<StoredPairs>();
      order.push_back(label);
    }
    return *known;
  };
  for (const CorpusPart& part : parts) {
    const std::string name = part.label.empty() ? "pairs" : part.label;
    if (reading.label_field.empty()) pairs_of(name);
    for (const std::string& path :
         match_files(part.pattern, part.root, {".jsonl", ".ndjson", ".tsv"})) {
      if (is_table(path) && !reading.label_field.empty())
        fail(Exit::data, path +
                             ": has no labels, for which data.domain_field asks: name it in "
                             "data.path as label:path, or write JSON lines");
      const std::string contents = read_expanded(path, left);
      left -= contents.size();
      each_pair(path, contents, reading, [&](Pair pair, const std::string& label) {
        if (reading.utf_8) require_utf_8(path, pair);
        const std::string& task = label.empty() ? name : label;
        StoredPairs& pairs = pairs_of(task);
        if (pair.source.empty() || pair.target.empty())
          ++result.empty;
        else if (reading.fits && !reading.fits(pair, task))
          ++result.too_long;
        else
          pairs.add(std::move(pair), reading.validation_fraction);
      });
    }
  }
  if (!reading.label_field.empty()) std::sort(order.begin(), order.end());
  if (order.empty())
    fail(Exit::data, fmt::format("{}: expected pairs, found none", parts.front().pattern));
  for (const std::string& label : order) {
    for (const Split split : {Split::train, Split::validation})
      if (labelled[label]->size(split) == 0)
        fail(Exit::data,
             fmt::format("task {}: expected pairs in the {} split, found none ({} without source "
                         "or target, {} longer than data.length are left out): add pairs, or "
                         "change data.length or data.validation_fraction",
                         label, split == Split::train ? "training" : "validation", result.empty,
                         result.too_long));
    result.tasks.push_back({label, std::move(labelled[label])});
  }
  return result;
}

}  // namespace moesim
