// Finds notes and cells of a table.
#pragma once

#include "analysis/render/table.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace moesim::testing {

// True if this is one of the table's notes.
inline bool has_note(const Table& table, const std::string& note) {
  return std::find(table.notes.begin(), table.notes.end(), note) != table.notes.end();
}

// True if one of the table's notes contains `part`.
inline bool mentions(const Table& table, const std::string& part) {
  return std::any_of(table.notes.begin(), table.notes.end(),
                     [&](const std::string& note) { return note.find(part) != std::string::npos; });
}

inline const Cell& cell(const Table& table, std::size_t row, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (table.columns[c].key == key) return table.rows.at(row)[c];
  throw std::out_of_range(key);
}

}  // namespace moesim::testing
