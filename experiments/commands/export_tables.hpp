// Defines the tables of `moesim export` and the options that each takes.
#pragma once

#include "analysis/render/table.hpp"
#include "experiments/commands/analysis_arguments.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesim {

inline constexpr const char* kAllColumns = "all";  // value of --columns

// True for formats that show only a selection of columns by default, for papers.
inline bool is_of_papers(TableFormat format) {
  return format == TableFormat::latex || format == TableFormat::md;
}

// The format of a file by the ending of its name; none if the ending is unknown.
std::optional<TableFormat> format_of_ending(const std::string& out);

// TableRequest is the options of a table.
struct TableRequest {
  AnalysisArguments chosen;
  std::string by;                    // --by; "": the table's own choice
  std::string metric;                // --metric; "": the table's own choice
  std::string layer;                 // --layer; "": all
  std::size_t window = 0;            // --window; 0: use an evaluation
  std::vector<std::string> columns;  // --columns; empty: all
};

// TableKind is one value of --table.
struct TableKind {
  std::string name;
  std::string about;                           // for --help
  std::vector<std::string> options;            // options that it takes and not all tables take
  Table (*make)(const TableRequest& request);  // null for tidy, which is streamed
};

// In the order of --help.
const std::vector<TableKind>& table_kinds();
// The table of this name, one of those of table_kinds().
const TableKind& table_kind(const std::string& name);

}  // namespace moesim
