// A table of results and its forms. What the cells say is decided once; a form only sets it.
#pragma once

#include "analysis/statistics.hpp"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace moesim {

enum class Format { text, csv, md, json };

// Throws Exit::usage with the nearest name.
Format format_of(const std::string& name);

struct Column {
  enum class Kind {
    text,
    count,   // a whole number; large ones are shortened where people read them
    number,  // with `decimals`
    sample,  // mean and deviation, with `decimals`
  };
  std::string key;    // for programs: csv, json
  std::string title;  // for people
  Kind kind = Kind::text;
  int decimals = 0;
};

// Empty, text, number (NaN is empty), or sample (no values is empty).
using Cell = std::variant<std::monostate, std::string, double, Sample>;

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  std::vector<std::string> notes;  // footnotes, one sentence each

  // The cell that stands out: '*' in text, bold in md.
  struct Place {
    std::size_t row, column;
  };
  std::optional<Place> best;
};

// text and md leave out columns without any value; csv and json always have all.
std::string render(const Table& table, Format format);

}  // namespace moesim
