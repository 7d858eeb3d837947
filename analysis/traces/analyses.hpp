// Defines the tables of `moesim analyze`: what recorded assignments say about a routing.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/traces/collapse.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct AnalyzeOptions {
  bool adjacent = false;  // --pairs adjacent
  std::string by = {};    // --by; "": the summary
  std::size_t top = 20;   // --top; 0: all rows
  double seen = 10;       // --seen: least occurrences of a token id
  std::size_t bins = 16;  // --bins: of positions
  // --permutations; none: 200, and fewer for large traces
  std::optional<std::size_t> permutations = {};
  std::int64_t sequence = 0;  // --sequence: of maps
  CollapseLimits limits = {};
  std::optional<std::int64_t> step = {};  // --step; none: all traces
};

using Paths = std::vector<std::string>;

// Analysis is one value of WHAT.
struct Analysis {
  std::string name;
  std::string about;                 // for --help
  std::string needs;                 // the files, for --help
  std::vector<std::string> options;  // options that it takes and not all analyses take
  // Values of --by with which --top leaves out cells of a map; "": without --by. A figure needs all.
  std::vector<std::string> cut_maps;
  Table (*make)(const Paths& paths, const AnalyzeOptions& options);
};

// In the order of --help.
const std::vector<Analysis>& analyses();
// The analysis of this name. Throws Exit::usage with the nearest name.
const Analysis& analysis_named(const std::string& name);

// Columns: analysis/COLUMNS.md. Files without assignments are named in the notes; if no file has
// any, NoAssignments is thrown.
Table coactivation_table(const Paths& paths, const AnalyzeOptions& options);
Table specialisation_table(const Paths& paths, const AnalyzeOptions& options);
Table label_share_table(const Paths& paths, const AnalyzeOptions& options);  // with --by
Table repetition_table(const Paths& paths, const AnalyzeOptions& options);
Table transitions_table(const Paths& paths, const AnalyzeOptions& options);
Table saturation_table(const Paths& paths, const AnalyzeOptions& options);
Table fluctuation_table(const Paths& paths, const AnalyzeOptions& options);
Table agreement_table(const Paths& paths, const AnalyzeOptions& options);
Table collapse_table(const Paths& paths, const AnalyzeOptions& options);
Table loss_table(const Paths& paths, const AnalyzeOptions& options);
Table token_table(const Paths& paths, const AnalyzeOptions& options);
Table mixing_table(const Paths& paths, const AnalyzeOptions& options);
Table merging_table(const Paths& paths, const AnalyzeOptions& options);

}  // namespace moesim
