#include "sim/data/corpus.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"
#include "sim/data/root.hpp"
#include "sim/data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

namespace moesim {
namespace {

// "folder/news.txt" is called "news".
std::string stem(const std::string& path) {
  const std::string name = path.substr(path.find_last_of('/') + 1);
  return name.substr(0, name.find_last_of('.'));
}

CorpusPart parse_part(std::string_view item) {
  const std::size_t colon = item.find(':');
  if (colon != std::string_view::npos) {
    const std::string_view label = config::trimmed(item.substr(0, colon));
    if (config::is_name(label))
      return {std::string(label), std::string(config::trimmed(item.substr(colon + 1))), ""};
  }
  return {"", std::string(item), ""};
}

}  // namespace

std::vector<CorpusPart> corpus_parts(Options& options) {
  const std::string path =
      options.text("path", "", "file, pattern, or several label:pattern separated by ';'");
  std::vector<CorpusPart> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find_first_of(";,", begin), path.size());
    const std::string_view item = std::string_view(path).substr(begin, end - begin);
    parts.push_back(parse_part(config::trimmed(item)));
    begin = end + 1;
  }
  std::set<std::string> labels;
  const std::string root = data_root(options);
  for (CorpusPart& part : parts) {
    part.root = root;
    if (part.pattern.empty())
      options.reject("path", "a file is missing; write file, pattern or label:pattern");
    if (parts.size() == 1) break;
    if (part.label.empty()) part.label = stem(part.pattern);
    if (!config::is_name(part.label))
      options.reject("path", fmt::format("'{0}' needs a label; write label:{0}", part.pattern));
    if (!labels.insert(part.label).second)
      options.reject("path",
                     fmt::format("two parts are labelled '{}'; write label:pattern", part.label));
  }
  return parts;
}

std::vector<std::string> read_corpus(const std::vector<CorpusPart>& parts, bool characters) {
  std::vector<std::string> texts;
  std::uint64_t left = kMaxDataBytes;
  for (const CorpusPart& part : parts) {
    std::string text;
    for (const std::string& file : match_files(part.pattern, part.root)) {
      const std::string contents = read_file(file, left);
      left -= contents.size();
      const std::size_t invalid = characters ? find_invalid_utf8(contents) : std::string::npos;
      if (invalid != std::string::npos)
        fail(Exit::data, fmt::format("{}: expected UTF-8, found an invalid byte at offset {}: "
                                     "use tokens = bytes",
                                     file, invalid));
      text += contents;
    }
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace moesim
