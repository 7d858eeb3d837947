#include "analysis/render/sheet.hpp"

#include "analysis/render/escape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {
namespace {

constexpr std::string_view kPlusMinus = " ± ";
constexpr std::size_t kMostCharacters = 200;

bool has_values(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(),
                     [&](const std::vector<Cell>& row) { return !is_empty(row[column]); });
}

}  // namespace

bool is_empty(const Cell& cell) {
  if (const auto* interval = std::get_if<Interval>(&cell)) return std::isnan(interval->low);
  if (const auto* number = std::get_if<double>(&cell)) return std::isnan(*number);
  if (const auto* sample = std::get_if<Sample>(&cell)) return sample->count == 0;
  return std::holds_alternative<std::monostate>(cell);
}

std::string fixed(double value, int decimals) {
  constexpr double kMost = 1e15;  // beyond the precision of a double
  if (std::abs(value) >= kMost) return fmt::format("{:.{}e}", value, std::max(decimals, 2));
  std::string text = fmt::format("{:.{}f}", value, decimals);
  if (text.find_first_not_of("-0.") == std::string::npos && text[0] == '-') text.erase(0, 1);
  return text;
}

std::string fixed_deviation(double value, int decimals) {
  constexpr int kMoreDecimals = 3;
  constexpr double kRounding = 1e-7;  // float32 rounding: smaller deviations are not real
  std::string text = fixed(value, decimals);
  if (value < kRounding || text.find_first_of("123456789") != std::string::npos ||
      std::isnan(value))
    return text;
  for (int more = decimals + 1; more <= decimals + kMoreDecimals; ++more)
    if (std::string finer = fixed(value, more);
        finer.find_first_of("123456789") != std::string::npos)
      return finer;
  return fmt::format("{:.0e}", value);
}

std::string shortened(double value) {
  constexpr std::array<const char*, 5> kUnits{"", "k", "M", "G", "T"};
  std::size_t unit = 0;
  double scaled = value;
  while (std::abs(scaled) >= 1000 && unit + 1 < kUnits.size()) {
    scaled /= 1000;
    ++unit;
  }
  // Three digits; small integers get no decimals.
  const bool whole = unit == 0 && value == std::floor(value);
  return fmt::format("{:.{}f}{}", scaled,
                     whole || scaled >= 100 ? 0
                     : scaled >= 10         ? 1
                                            : 2,
                     kUnits[unit]);
}

std::string for_people(const Cell& cell, const Column& column) {
  if (is_empty(cell)) return "-";
  if (const auto* text = std::get_if<std::string>(&cell)) return brief(*text, kMostCharacters);
  if (const auto* sample = std::get_if<Sample>(&cell)) {
    const std::string deviation = std::isnan(sample->deviation)
                                      ? (sample->count == 1 ? "n/a" : "nan")
                                      : fixed_deviation(sample->deviation, column.decimals);
    return fmt::format("{}{}{}", fixed(sample->mean, column.decimals), kPlusMinus, deviation);
  }
  if (const auto* interval = std::get_if<Interval>(&cell))
    return fmt::format("[{}, {}]", fixed(interval->low, column.decimals),
                       fixed(interval->high, column.decimals));
  const double number = std::get<double>(cell);
  if (column.kind == Column::Kind::count) return shortened(number);
  return fixed(number, column.decimals);
}

std::string row_of(const std::vector<std::string>& cells, std::string_view separator) {
  std::string row = cells.empty() ? "" : cells[0];
  for (std::size_t c = 1; c < cells.size(); ++c) (row += separator) += cells[c];
  return row;
}

Sheet sheet_of(const Table& table) {
  Sheet sheet;
  sheet.lines.resize(table.rows.size() + 1);
  sheet.bold.resize(sheet.lines.size());
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (!has_values(table, c)) continue;
    sheet.columns.push_back(&table.columns[c]);
    sheet.origins.push_back(c);
    sheet.lines[0].push_back(brief(table.columns[c].title, kMostCharacters));
    sheet.bold[0].push_back(false);
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      sheet.lines[r + 1].push_back(for_people(table.rows[r][c], table.columns[c]));
      sheet.bold[r + 1].push_back(table.bold.contains({r, c}));
    }
  }
  return sheet;
}

}  // namespace moesim
