// The files of a text data set: which they are, and what is in them.
#pragma once

#include "sim/config/options.hpp"
#include "sim/io/file.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace moesim {

// One item of `path`: the files of one domain.
struct CorpusPart {
  std::string label;    // "" if the item stands alone and has none
  std::string pattern;  // a file, a folder or a shell pattern, as written
  std::string root;     // folder that a relative pattern starts from (sim/data/root.hpp)
};

// What the option `key` names, such as "path": "a.txt", or "news:news/*.txt; code:src/*.c", items
// separated by ';' or ','. The whole name comes first: a value, an item between ';' or the name
// behind a label that is there on the disk is never cut further. An item among several that has no
// label is labelled by the name of its file. A label is [A-Za-z0-9._-]{1,64}, once each. Throws
// (exit 2) for a value that cannot be read so. Relative names start from `root`.
std::vector<CorpusPart> corpus_parts(const Options& options, const std::string& key,
                                     const std::string& path, const std::string& root = "");

// For each label of the first list its place in the second, which has the same ones; a list of one
// needs none. Throws (exit 2) otherwise.
std::vector<std::size_t> same_labels(const std::vector<std::string>& labels,
                                     const std::vector<std::string>& others);

enum class Content {
  any,    // every byte counts
  text,   // in any encoding
  utf_8,  // text for tokenizers that need its characters
};

// How files are read.
struct Reading {
  Content content = Content::text;
  std::string field = {}, domain_field = {};  // of JSON lines (json_lines.hpp); "": plain text
  std::uint64_t limit = kMaxDataBytes;        // of all files together
};

// The text of one domain.
struct CorpusText {
  std::string label;  // "" if there are no domains
  std::string name;   // for messages
  std::string text;
};

struct Corpus {
  std::vector<CorpusText> texts;  // of each part, or of each domain by name
  std::string note;               // of the first file that looks doubtful (doubtful.hpp), or ""
  std::uint64_t left;             // of Reading::limit
};

// The contents of the files of each part, joined in the order of their names. Text may be
// compressed (expand.hpp) and begins behind its byte order mark. Throws (exit 3) if there is no
// file, if they are more than the limit together, or if one does not have such content.
Corpus read_corpus(const std::vector<CorpusPart>& parts, const Reading& reading);

}  // namespace moesim
