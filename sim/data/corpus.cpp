#include "sim/data/corpus.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/doubtful.hpp"
#include "sim/data/expand.hpp"
#include "sim/data/foreign.hpp"
#include "sim/data/json_lines.hpp"
#include "sim/data/root.hpp"
#include "sim/data/tokenizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace moesim {
namespace {

using config::trimmed;

// The default label of a path: "folder/news.txt" -> "news", "folder/" -> "folder".
std::string stem(std::string path) {
  while (path.ends_with('/')) path.pop_back();
  const std::string name = path.substr(path.find_last_of('/') + 1);
  return name.substr(0, name.find_last_of('.'));
}

// Parses "label:name", unless the whole is an existing name, a URL or a Windows path.
CorpusPart parse_part(std::string_view item, const std::string& root) {
  CorpusPart whole{"", std::string(item), root};
  const std::size_t colon = item.find(':');
  if (colon == std::string_view::npos || names_files(whole.pattern, root)) return whole;
  const std::string_view label = trimmed(item.substr(0, colon));
  const std::string_view name = trimmed(item.substr(colon + 1));
  if (!config::is_name(label) || name.starts_with("//") || name.starts_with('\\')) return whole;
  return {std::string(label), std::string(name), root};
}

// Splits at the first of the separators, then each piece at the next of them.
void add_parts(std::string_view text, std::string_view separators, const std::string& root,
               std::vector<CorpusPart>& parts) {
  if (separators.empty() || text.find_first_of(separators) == std::string_view::npos) {
    parts.push_back(parse_part(text, root));
    return;
  }
  if (const CorpusPart whole = parse_part(text, root); names_files(whole.pattern, root)) {
    parts.push_back(whole);
    return;
  }
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separators.front(), begin), text.size());
    add_parts(trimmed(text.substr(begin, end - begin)), separators.substr(1), root, parts);
    begin = end + 1;
  }
}

// The contents of a file: raw, or its text, from JSON lines or plain.
std::string read_text(const std::string& path, const Reading& reading) {
  const Content content = reading.content;
  if (content == Content::any) return read_file(path, reading.limit);
  std::string text = read_expanded(path, reading.limit);
  if (const std::string found =
          reading.field.empty() ? foreign_format(path, text) : format_by_magic(text);
      !found.empty())
    fail(Exit::data, fmt::format("{}: expected text, found {}; tokens = raw takes every byte as "
                                 "it is",
                                 path, found));
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  const std::size_t invalid =
      content == Content::utf_8 ? find_invalid_utf8(text) : std::string::npos;
  if (invalid != std::string::npos)
    fail(Exit::data, fmt::format("{}: expected UTF-8, found an invalid byte at offset {}: use "
                                 "tokens = bytes, or convert it (iconv -f latin1 -t utf-8)",
                                 path, invalid));
  return text;
}

// Appends what a file has of a text.
void append_file(CorpusText& text, std::string_view contents) {
  if (contents.empty()) return;
  if (!text.text.empty()) text.files.push_back(text.text.size());
  text.text += contents;
}

// Advice for a name that does not exist.
std::string reading_of(const CorpusPart& part, std::size_t parts) {
  if (names_files(part.pattern, part.root) || is_pattern(part.pattern)) return {};
  std::string advice;
  if (!part.label.empty() && part.label != stem(part.pattern))
    advice += fmt::format("; '{}' was read as its label", part.label);
  if (parts > 1) advice += "; ';' and ',' separate files, and ' #' begins a comment";
  return advice;
}

}  // namespace

std::vector<CorpusPart> corpus_parts(const Options& options, const std::string& key,
                                     const std::string& path, const std::string& root) {
  std::vector<CorpusPart> parts;
  add_parts(path, ";,", root, parts);
  std::set<std::string> labels;
  for (CorpusPart& part : parts) {
    if (part.pattern.empty())
      options.reject(key, "a file is missing; write file, pattern or label:pattern");
    if (parts.size() == 1) break;
    if (part.label.empty()) part.label = stem(part.pattern);
    if (!config::is_name(part.label)) {
      const std::string reading = reading_of(part, parts.size());
      options.reject(key, reading.empty()
                              ? fmt::format("'{0}' needs a label; write label:{0}", part.pattern)
                              : fmt::format("'{}' is not there{}", part.pattern, reading));
    }
    if (!labels.insert(part.label).second)
      options.reject(key,
                     fmt::format("two parts are labelled '{}'; write label:pattern", part.label));
  }
  return parts;
}

std::vector<std::size_t> same_labels(const std::vector<std::string>& labels,
                                     const std::vector<std::string>& others) {
  if (labels.size() == 1 && others.size() == 1) return {0};
  std::vector<std::size_t> places;
  for (const std::string& label : labels) {
    const auto found = std::find(others.begin(), others.end(), label);
    if (found == others.end() || others.size() != labels.size())
      fail(Exit::usage,
           fmt::format("expected the domains of data.path: {}; found {}", joined(labels),
                       others.size() == 1 && others[0].empty() ? "no label" : joined(others)));
    places.push_back(static_cast<std::size_t>(found - others.begin()));
  }
  return places;
}

Corpus read_corpus(const std::vector<CorpusPart>& parts, const Reading& reading) {
  Corpus corpus;
  Reading next = reading;
  std::size_t doubtful = 0;
  std::map<std::string, CorpusText> domains;  // by label, of JSON lines
  const std::vector<std::string> endings = reading.field.empty()
                                               ? std::vector<std::string>{".txt"}
                                               : std::vector<std::string>{".jsonl", ".ndjson"};
  for (const CorpusPart& part : parts) {
    CorpusText text{part.label, part.pattern, {}};
    try {
      for (const std::string& file : match_files(part.pattern, part.root, endings)) {
        std::string contents = read_text(file, next);
        next.limit -= contents.size();
        if (!reading.field.empty()) {
          std::string lines;
          std::map<std::string, std::string> of_domain;
          each_document(file, contents, reading.field, reading.domain_field,
                        [&](const std::string& document, const std::string& domain) {
                          std::string& all = domain.empty() ? lines : of_domain[domain];
                          all += document;
                          if (!document.ends_with('\n')) all += '\n';
                        });
          for (const auto& [domain, documents] : of_domain) append_file(domains[domain], documents);
          contents = std::move(lines);
        }
        append_file(text, contents);
        if (reading.content == Content::any) continue;
        const std::string doubt = doubt_about(contents);
        if (!doubt.empty() && doubtful++ == 0)
          corpus.note = config::printable(file, 200) + ": " + doubt;
      }
    } catch (const Error& error) {
      fail(error.code(), error.what() + reading_of(part, parts.size()));
    }
    if (reading.domain_field.empty()) corpus.texts.push_back(std::move(text));
  }
  for (auto& [label, text] : domains) {
    text.label = label, text.name = parts.front().pattern + ": domain " + label;
    corpus.texts.push_back(std::move(text));
  }
  if (doubtful > 1) corpus.note += fmt::format(" (and {} more files)", doubtful - 1);
  corpus.left = next.limit;
  return corpus;
}

}  // namespace moesim
