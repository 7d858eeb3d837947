// Finds and reads the files of a text data set, domain by domain.
#pragma once

#include "sim/config/options.hpp"
#include "sim/io/file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// CorpusPart is one item of `path`: the files of one domain.
struct CorpusPart {
  std::string label;    // "" for a single item without one
  std::string pattern;  // a file, a folder or a shell pattern, as written
  std::string root;     // folder that a relative pattern starts from (sim/data/root.hpp)
};

// Splits the value of the option `key`, such as "path", into parts: "a.txt", or
// "news:news/*.txt; code:src/*.c" with ';' or ',' between items. Existing names take precedence: a
// value, an item between ';' or a name after a label that exists on disk is not split further. An
// item without a label, among several, is labelled with its file's name. Labels are
// [A-Za-z0-9._-]{1,64} and distinct. Relative names start from `root`. Throws (exit 2) for a
// malformed value.
std::vector<CorpusPart> corpus_parts(const Options& options, const std::string& key,
                                     const std::string& path, const std::string& root = "");

// For each label of the first list its index in the second, which must have the same labels; a
// single part needs no label. Throws (exit 2) otherwise.
std::vector<std::size_t> same_labels(const std::vector<std::string>& labels,
                                     const std::vector<std::string>& others);

// Content is the kind of file contents that a tokenizer accepts.
enum class Content {
  any,    // arbitrary bytes
  text,   // text in any encoding
  utf_8,  // text, for tokenizers of characters
};

// Reading says how the files are read.
struct Reading {
  Content content = Content::text;
  std::string field = {}, domain_field = {};  // keys of JSON lines (json_lines.hpp); "": plain text
  std::uint64_t limit = kMaxDataBytes;        // of all files together
};

// CorpusText is the text of one domain.
struct CorpusText {
  std::string label;  // "" if there are no domains
  std::string name;   // for messages
  std::string text;
  std::vector<std::size_t> files = {};  // offsets where the second file begins, the third, ...
};

// Corpus is everything read.
struct Corpus {
  std::vector<CorpusText> texts;  // one per part, or per domain of JSON lines, sorted by name
  std::string note;               // about the first doubtful file (doubtful.hpp), or ""
  std::uint64_t left;             // the rest of Reading::limit
};

// Reads the files of each part and joins them in the order of their names. Files may be compressed
// (expand.hpp); a byte order mark is skipped. Throws (exit 3) if a part has no file, if the files
// together exceed the limit, or if a file has the wrong kind of content.
Corpus read_corpus(const std::vector<CorpusPart>& parts, const Reading& reading);

}  // namespace moesim
