// Table is a table of results: what its cells say is decided once, and a format only sets it.
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
    count,     // a whole number; large ones are shortened where people read them: 12.3M
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

// Empty, text, number (NaN is empty), sample (no values is empty) or interval (NaN is empty).
using Cell = std::variant<std::monostate, std::string, double, Sample, Interval>;

struct Table {
  struct Place {
    std::size_t row = 0, column = 0;
    auto operator<=>(const Place&) const = default;
  };

  std::string name;  // "routers"
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::string> notes;  // footnotes, one sentence each

  // The cells that stand out: '*' in text, bold elsewhere.
  std::set<Place> bold;
  // The notes (their numbers from 0) that a cell refers to: a mark behind it in latex and html.
  std::map<Place, std::set<std::size_t>> references;
};

// How a table is set.
struct Rendering {
  // Where a table of LaTeX goes: into a column of text, or across the page where that has two
  // (table*). It is set smaller than the text, and is never wider than the place. `none` leaves it
  // as wide as it is.
  enum class Width { column, page, none };

  Format format = Format::text;
  // latex and html:
  std::string caption = {};
  std::string label = {};   // of \label, or the id of the element
  bool standalone = false;  // a whole document
  // latex:
  bool caption_is_tex = false;  // the caption is taken as it is
  Width width = Width::column;
};

// text, md, latex and html leave out columns without any value; csv and json always have all.
std::string render(const Table& table, const Rendering& rendering);
inline std::string render(const Table& table, Format format) {
  return render(table, Rendering{.format = format});
}

}  // namespace moesim
