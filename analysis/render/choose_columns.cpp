#include "analysis/render/choose_columns.hpp"

#include "analysis/render/escape.hpp"
#include "sim/core/error.hpp"

namespace moesim {
namespace {

std::size_t known_column(const Table& table, const std::string& key) {
  if (const auto found = column_of(table, key)) return *found;
  std::vector<std::string> keys;
  for (const Column& column : table.columns) keys.push_back(terminal_safe(column.key));
  const std::string near = nearest(key, keys);
  fail(Exit::usage, "the table of " + table.name + " has no column '" + terminal_safe(key) +
                        "': " + (near.empty() ? "" : "did you mean " + near + "? ") + "there are " +
                        joined(keys));
}

}  // namespace

std::optional<std::size_t> column_of(const Table& table, const std::string& key) {
  for (std::size_t column = 0; column < table.columns.size(); ++column)
    if (table.columns[column].key == key) return column;
  return std::nullopt;
}

Table with_columns(const Table& table, const std::vector<std::string>& keys) {
  Table chosen = table;
  chosen.columns.clear();
  chosen.bold.clear();
  chosen.references.clear();
  for (auto& row : chosen.rows) row.clear();
  for (std::size_t c = 0; c < keys.size(); ++c) {
    const std::size_t from = known_column(table, keys[c]);
    chosen.columns.push_back(table.columns[from]);
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      chosen.rows[r].push_back(table.rows[r][from]);
      if (table.bold.contains({r, from})) chosen.bold.insert({r, c});
      if (const auto referred = table.references.find({r, from});
          referred != table.references.end())
        chosen.references.emplace(Table::Place{r, c}, referred->second);
    }
  }
  return chosen;
}

}  // namespace moesim
