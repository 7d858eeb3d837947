// Writes a table as CSV (RFC 4180): a header, no comment lines, and every column, empty or not. A
// sample takes two columns, KEY_mean and KEY_std; an interval KEY_low and KEY_high.
#include "analysis/render/escape.hpp"
#include "analysis/render/formats.hpp"
#include "analysis/render/sheet.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

// Returns the shortest text that parses to the same number; empty for NaN, which pandas and R read
// as missing.
std::string number(double value) { return std::isnan(value) ? "" : fmt::format("{}", value); }

}  // namespace

std::string as_csv(const Table& table) {
  std::vector<std::string> header;
  for (const Column& column : table.columns) {
    const bool sample = column.kind == Column::Kind::sample;
    const bool interval = column.kind == Column::Kind::interval;
    header.push_back(csv_cell(column.key + (sample ? "_mean" : interval ? "_low" : "")));
    if (sample || interval) header.push_back(csv_cell(column.key + (sample ? "_std" : "_high")));
  }
  std::string text = row_of(header, ",") + "\r\n";
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (table.columns[c].kind == Column::Kind::sample) {
        const auto* sample = std::get_if<Sample>(&row[c]);
        const bool any = sample != nullptr && sample->count > 0;
        cells.push_back(any ? number(sample->mean) : "");
        cells.push_back(any ? number(sample->deviation) : "");
      } else if (table.columns[c].kind == Column::Kind::interval) {
        const auto* interval = std::get_if<Interval>(&row[c]);
        cells.push_back(interval == nullptr ? "" : number(interval->low));
        cells.push_back(interval == nullptr ? "" : number(interval->high));
      } else if (const auto* value = std::get_if<double>(&row[c])) {
        cells.push_back(number(*value));
      } else {
        const auto* words = std::get_if<std::string>(&row[c]);
        cells.push_back(words == nullptr ? "" : csv_cell(*words));
      }
    }
    text += row_of(cells, ",") + "\r\n";
  }
  return text;
}

}  // namespace moesim
