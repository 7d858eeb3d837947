// Writes a table as JSON: an object per row, by the keys of the columns, and the notes.
#include "analysis/render/formats.hpp"
#include "analysis/render/sheet.hpp"

#include <nlohmann/json.hpp>

#include <cmath>

namespace moesim {
namespace {

nlohmann::ordered_json json_of(const Cell& cell) {
  if (is_empty(cell)) return nullptr;
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) {
    // Writes integers without a fraction: 3, not 3.0.
    if (std::trunc(*number) == *number && std::abs(*number) < 1e15)
      return static_cast<std::int64_t>(*number);
    return *number;
  }
  if (const auto* interval = std::get_if<Interval>(&cell))
    return nlohmann::ordered_json::array({interval->low, interval->high});
  const Sample& sample = std::get<Sample>(cell);
  return {{"mean", sample.mean}, {"std", sample.deviation}, {"n", sample.count}};
}

}  // namespace

std::string as_json(const Table& table) {
  nlohmann::ordered_json document{{"rows", nlohmann::ordered_json::array()},
                                  {"notes", table.notes}};
  for (const auto& row : table.rows) {
    nlohmann::ordered_json object;
    for (std::size_t c = 0; c < row.size(); ++c) object[table.columns[c].key] = json_of(row[c]);
    document["rows"].push_back(std::move(object));
  }
  // ASCII output contains no control characters. NaN becomes null, invalid UTF-8 the replacement
  // character.
  return document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace moesim
