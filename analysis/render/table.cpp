#include "analysis/render/table.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {
namespace {

constexpr std::string_view kPlusMinus = " ± ";

bool is_empty(const Cell& cell) {
  if (const auto* interval = std::get_if<Interval>(&cell)) return std::isnan(interval->low);
  if (const auto* number = std::get_if<double>(&cell)) return std::isnan(*number);
  if (const auto* sample = std::get_if<Sample>(&cell)) return sample->count == 0;
  return std::holds_alternative<std::monostate>(cell);
}

// 12345678 as "12.3M".
std::string shortened(double value) {
  constexpr std::array<const char*, 5> kUnits{"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  double scaled = value;
  while (std::abs(scaled) >= 1000 && unit + 1 < kUnits.size()) {
    scaled /= 1000;
    ++unit;
  }
  // 3 digits, but no digits are made up for small whole numbers.
  const bool whole = unit == 0 && value == std::floor(value);
  return fmt::format("{:.{}f}{}", scaled,
                     whole || scaled >= 100 ? 0
                     : scaled >= 10         ? 1
                                            : 2,
                     kUnits[unit]);
}

std::string for_people(const Cell& cell, const Column& column) {
  if (is_empty(cell)) return "-";
  if (const auto* text = std::get_if<std::string>(&cell)) return terminal_safe(*text);
  if (const auto* sample = std::get_if<Sample>(&cell)) {
    const std::string deviation = std::isnan(sample->deviation)
                                      ? (sample->count == 1 ? "n/a" : "nan")
                                      : fmt::format("{:.{}f}", sample->deviation, column.decimals);
    return fmt::format("{:.{}f}{}{}", sample->mean, column.decimals, kPlusMinus, deviation);
  }
  if (const auto* interval = std::get_if<Interval>(&cell))
    return fmt::format("[{:.{}f}, {:.{}f}]", interval->low, column.decimals, interval->high,
                       column.decimals);
  const double number = std::get<double>(cell);
  if (column.kind == Column::Kind::count) return shortened(number);
  return fmt::format("{:.{}f}", number, column.decimals);
}

// As joined(), but empty cells keep their place.
std::string row_of(const std::vector<std::string>& cells, std::string_view separator) {
  std::string row = cells.empty() ? "" : cells[0];
  for (std::size_t c = 1; c < cells.size(); ++c) (row += separator) += cells[c];
  return row;
}

bool has_values(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [&](const std::vector<Cell>& row) { return !is_empty(row[column]); });
}

// The cells as people read them, titles first, without the columns that are empty.
struct Sheet {
  std::vector<const Column*> columns;
  std::vector<std::vector<std::string>> lines;
  std::vector<std::vector<bool>> bold;  // as lines
};

Sheet sheet_of(const Table& table) {
  Sheet sheet;
  sheet.lines.resize(table.rows.size() + 1);
  sheet.bold.resize(sheet.lines.size());
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (!has_values(table, c)) continue;
    sheet.columns.push_back(&table.columns[c]);
    sheet.lines[0].push_back(terminal_safe(table.columns[c].title));
    sheet.bold[0].push_back(false);
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      sheet.lines[r + 1].push_back(for_people(table.rows[r][c], table.columns[c]));
      sheet.bold[r + 1].push_back(table.bold.contains({r, c}));
    }
  }
  return sheet;
}

std::string as_text(const Table& table) {
  Sheet sheet = sheet_of(table);
  // A blank in the other cells keeps the digits aligned.
  for (std::size_t c = 0; c < sheet.columns.size(); ++c) {
    const bool any = std::any_of(sheet.bold.begin(), sheet.bold.end(),
                                 [c](const std::vector<bool>& line) { return line[c]; });
    if (!any) continue;
    for (std::size_t r = 0; r < sheet.lines.size(); ++r)
      sheet.lines[r][c] += sheet.bold[r][c] ? '*' : ' ';
  }

  std::vector<std::size_t> width(sheet.columns.size(), 0);
  for (const auto& line : sheet.lines)
    for (std::size_t c = 0; c < line.size(); ++c)
      width[c] = std::max(width[c], characters_in(line[c]));

  std::string text;
  for (const auto& line : sheet.lines) {
    std::string row;
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string padding(width[c] - characters_in(line[c]), ' ');
      if (c > 0) row += "  ";
      row += sheet.columns[c]->kind == Column::Kind::text ? line[c] + padding : padding + line[c];
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  for (const std::string& note : table.notes) text += "\n" + terminal_safe(note);
  if (!table.notes.empty()) text += "\n";
  return text;
}

std::string as_markdown(const Table& table) {
  Sheet sheet = sheet_of(table);
  for (auto& line : sheet.lines)
    for (std::string& cell : line) cell = markdown_cell(cell);
  for (std::size_t r = 0; r < sheet.lines.size(); ++r)
    for (std::size_t c = 0; c < sheet.columns.size(); ++c)
      if (sheet.bold[r][c]) sheet.lines[r][c] = "**" + sheet.lines[r][c] + "**";

  std::string text;
  for (std::size_t r = 0; r < sheet.lines.size(); ++r) {
    text += "| " + row_of(sheet.lines[r], " | ") + " |\n";
    if (r > 0) continue;
    for (const Column* column : sheet.columns)
      text += column->kind == Column::Kind::text ? "|---" : "|---:";
    text += "|\n";
  }
  for (const std::string& note : table.notes)
    text += "\n" + markdown_cell(terminal_safe(note)) + "\n";
  return text;
}

std::string as_csv(const Table& table) {
  const auto number = [](double value) {
    return std::isnan(value) ? "" : fmt::format("{}", value);
  };
  std::vector<std::string> header;
  for (const Column& column : table.columns) {
    const bool sample = column.kind == Column::Kind::sample;
    const bool interval = column.kind == Column::Kind::interval;
    header.push_back(column.key + (sample ? "_mean" : interval ? "_low" : ""));
    if (sample || interval) header.push_back(column.key + (sample ? "_std" : "_high"));
  }
  std::string text = row_of(header, ",") + "\r\n";
  for (const auto& row : table.rows) {
    std::vector<std::string> cells;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (table.columns[c].kind == Column::Kind::sample) {
        const auto* sample = std::get_if<Sample>(&row[c]);
        cells.push_back(sample == nullptr ? "" : number(sample->mean));
        cells.push_back(sample == nullptr ? "" : number(sample->deviation));
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

nlohmann::ordered_json as_json(const Cell& cell) {
  if (is_empty(cell)) return nullptr;
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) {
    // Counts look like counts: 3, not 3.0.
    if (std::trunc(*number) == *number && std::abs(*number) < 1e15)
      return static_cast<std::int64_t>(*number);
    return *number;
  }
  if (const auto* interval = std::get_if<Interval>(&cell))
    return nlohmann::ordered_json::array({interval->low, interval->high});
  const Sample& sample = std::get<Sample>(cell);
  return {{"mean", sample.mean}, {"std", sample.deviation}, {"n", sample.count}};
}

std::string as_json(const Table& table) {
  nlohmann::ordered_json document{{"rows", nlohmann::ordered_json::array()},
                                  {"notes", table.notes}};
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object;
    for (std::size_t c = 0; c < row.size(); ++c) object[table.columns[c].key] = as_json(row[c]);
    document["rows"].push_back(std::move(object));
  }
  // ASCII alone, so that no control character is left; NaN becomes null, what is no UTF-8 the
  // replacement character.
  return document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string render(const Table& table, const Rendering& rendering) {
  switch (rendering.format) {
    case Format::text:
      return as_text(table);
    case Format::csv:
      return as_csv(table);
    case Format::md:
      return as_markdown(table);
    case Format::json:
      return as_json(table);
    case Format::latex:
    case Format::html:
      break;
  }
  fail_in("render", "no such format");
}

}  // namespace moesim
