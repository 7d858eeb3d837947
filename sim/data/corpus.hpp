// The files of a text data set: which they are, and what is in them.
#pragma once

#include "sim/config/options.hpp"

#include <string>
#include <vector>

namespace moesim {

// One item of `path`: the files of one domain.
struct CorpusPart {
  std::string label;    // "" if the item stands alone and has none
  std::string pattern;  // a file, a folder or a shell pattern, as written
  std::string root;     // folder that a relative pattern starts from (sim/data/root.hpp)
};

// What the option `path` names: "a.txt", or "news:news/*.txt; code:src/*.c", items separated by ';'
// or ','. The whole name comes first: a value, an item between ';' or the name behind a label that
// is there on the disk is never cut further. An item among several that has no label is labelled
// by the name of its file. A label is [A-Za-z0-9._-]{1,64}, once each. Throws (exit 2) for a value
// that cannot be read so. Relative names start from `root`.
std::vector<CorpusPart> corpus_parts(const Options& options, const std::string& path,
                                     const std::string& root = "");

enum class Content {
  any,    // every byte counts
  text,   // in any encoding
  utf_8,  // text for tokenizers that need its characters
};

struct Corpus {
  std::vector<std::string> texts;  // of each part
  std::string note;                // of the first file that looks doubtful (doubtful.hpp), or ""
};

// The contents of the files of each part, joined in the order of their names. Text begins behind
// its byte order mark. Throws (exit 3) if there is no file, if they are more than kMaxDataBytes
// together, or if one does not have such content.
Corpus read_corpus(const std::vector<CorpusPart>& parts, Content content);

}  // namespace moesim
