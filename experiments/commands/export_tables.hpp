// The tables that `moesim export` makes.
#pragma once

#include "analysis/render/table.hpp"
#include "experiments/commands/analysis_arguments.hpp"

#include <string>
#include <vector>

namespace moesim {

inline constexpr const char* kAllColumns = "all";  // of --columns

// True for the formats in which a table has a paper's choice of columns.
inline bool is_of_papers(Format format) { return format == Format::latex || format == Format::md; }

// What the command line asks of a table.
struct TableRequest {
  AnalysisArguments chosen;
  std::string by;                    // --by; "": the table's own choice
  std::string metric;                // --metric; "": the table's own choice
  std::string layer;                 // --layer; "": all
  std::size_t window = 0;            // --window; 0: an evaluation
  std::vector<std::string> columns;  // --columns; none: all
};

struct TableKind {
  std::string name;
  std::string about;                           // for --help
  std::vector<std::string> options;            // that it takes, of those that not all tables take
  Table (*make)(const TableRequest& request);  // null: tidy, which is written as it is read
};

// In the order of --help.
const std::vector<TableKind>& table_kinds();
// Throws Exit::usage with the nearest name.
const TableKind& table_kind(const std::string& name);

}  // namespace moesim
