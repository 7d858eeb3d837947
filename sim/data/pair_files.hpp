// Reads pairs (source, target) from files: JSON lines, or lines with the two separated by a tab.
#pragma once

#include "sim/data/corpus.hpp"
#include "sim/data/pairs.hpp"

#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct PairReading {
  std::string source_field = "source", target_field = "target";  // keys of JSON lines
  std::string label_field = {};                                  // "": the label of the part
  bool utf_8 = false;  // whether the tokenizer takes valid UTF-8 only
  double validation_fraction = 0.1;
  // Whether a pair of the task `label` fits into a sequence.
  std::function<bool(const Pair&, const std::string& label)> fits = {};
};

// PairFiles is everything read.
struct PairFiles {
  std::vector<LabelledPairs> tasks;  // one per part, or per label of JSON lines, sorted by name
  index empty = 0, too_long = 0;     // pairs left out: without source or target, or longer
};

// Reads the files of each part: names that end in .tsv, .tsv.gz or .tsv.zst are tab-separated, all
// others JSON lines; of a folder *.jsonl, *.ndjson and *.tsv. A single part without a label is the
// task "pairs". Throws Exit::data with "path:line" for a line without the two texts, and if a task
// has no pair in one of the splits.
PairFiles read_pairs(const std::vector<CorpusPart>& parts, const PairReading& reading);

}  // namespace moesim
