// Table is a table of results, independent of the output format: cells hold values, and the writers
// of the formats only lay them out.
#pragma once

#include "analysis/render/format.hpp"
#include "analysis/statistics/sample.hpp"

#include <compare>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

struct Column {
  enum class Kind {
    text,
    count,     // an integer; text formats shorten large ones: 12.3M
    number,    // with `decimals`
    sample,    // mean ± sample standard deviation, with `decimals`
    interval,  // [low, high], with `decimals`
  };
  enum class Better { neither, lower, higher };  // ↓ or ↑ in the header of a paper's table

  std::string key;    // for programs (csv, json): lower case with underscores
  std::string title;  // for people
  Kind kind = Kind::text;
  int decimals = 0;
  Better better = Better::neither;
};

// Cell is empty, text, a number (NaN is empty), a sample (no values: empty) or an interval (NaN:
// empty).
using Cell = std::variant<std::monostate, std::string, double, Sample, Interval>;

struct Table {
  struct Place {
    std::size_t row = 0, column = 0;
    auto operator<=>(const Place&) const = default;  // NOLINT(modernize-use-nullptr): a false alarm
  };

  std::string name;  // "routers"
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::string> notes;  // footnotes, one sentence each

  // Highlighted cells: '*' in text, bold in the other formats.
  std::set<Place> bold;
  // Indices of the notes that a cell refers to; LaTeX and HTML print a mark after the cell.
  std::map<Place, std::set<std::size_t>> references;
};

// Rendering holds the options of a table's output.
struct Rendering {
  // Where a LaTeX table is placed: in a text column, or across both columns of a page (table*). The
  // font is smaller than the text, and the table is shrunk if it is still too wide. `none` keeps
  // its natural width.
  enum class Width { column, page, none };

  TableFormat format = TableFormat::text;
  // latex and html:
  std::string caption = {};
  std::string label = {};   // \label, or the id of the HTML element
  bool standalone = false;  // a complete document
  // latex:
  bool caption_is_tex = false;  // the caption is TeX and is not escaped
  Width width = Width::column;
};

// Renders a table. text, md, latex and html leave out columns without values; csv and json always
// have all.
std::string render(const Table& table, const Rendering& rendering);
inline std::string render(const Table& table, TableFormat format) {
  return render(table, Rendering{.format = format});
}

}  // namespace moesim
