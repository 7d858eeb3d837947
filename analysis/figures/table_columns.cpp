#include "analysis/figures/table_columns.hpp"

namespace moesim {
namespace {

const Cell* cell_at(const Table& table, std::size_t row, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size() && c < table.rows[row].size(); ++c)
    if (table.columns[c].key == key) return &table.rows[row][c];
  return nullptr;
}

template <class Value>
const Value* value_at(const Table& table, std::size_t row, const std::string& key) {
  const Cell* cell = cell_at(table, row, key);
  return cell == nullptr ? nullptr : std::get_if<Value>(cell);
}

}  // namespace

bool has_column(const Table& table, const std::string& key) {
  for (const Column& column : table.columns)
    if (column.key == key) return true;
  return false;
}

std::string text_at(const Table& table, std::size_t row, const std::string& key) {
  const auto* text = value_at<std::string>(table, row, key);
  return text == nullptr ? "" : *text;
}

double number_at(const Table& table, std::size_t row, const std::string& key) {
  const auto* number = value_at<double>(table, row, key);
  return number == nullptr ? kNone : *number;
}

Interval interval_at(const Table& table, std::size_t row, const std::string& key) {
  const auto* interval = value_at<Interval>(table, row, key);
  return interval == nullptr ? Interval{kNone, kNone} : *interval;
}

}  // namespace moesim
