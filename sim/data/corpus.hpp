// The files of a text data set: which they are, and what is in them.
#pragma once

#include "sim/config/options.hpp"

#include <string>
#include <vector>

namespace moesim {

// One item of `path`: the files of one domain.
struct CorpusPart {
  std::string label;    // "" if the item stands alone and has none
  std::string pattern;  // a file or a shell pattern, as written
  std::string root;     // folder that a relative pattern starts from (sim/data/root.hpp)
};

// What the option `path` names: "a.txt", or "news:news/*.txt; code:src/*.c", items separated by ';'
// or ','. An item among several that has no label is labelled by the name of its file. A label is
// [A-Za-z0-9._-]{1,64}, once each.
std::vector<CorpusPart> corpus_parts(Options& options);

// The contents of the files of each part, joined in the order of their names. Throws (exit 3) if
// there is none, if they are more than kMaxDataBytes together, or if one is no UTF-8 and
// `characters` are wanted.
std::vector<std::string> read_corpus(const std::vector<CorpusPart>& parts, bool characters);

}  // namespace moesim
