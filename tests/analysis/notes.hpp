// Finds notes and cells of a table.
#pragma once

#include "analysis/render/table.hpp"

#include <stdexcept>
#include <string>

namespace moesim::testing {

// True if one of the table's notes contains `part`.
inline bool has_note(const Table& table, const std::string& part) {
  for (const std::string& note : table.notes)
    if (note.find(part) != std::string::npos) return true;
  return false;
}

inline const Cell& cell(const Table& table, std::size_t row, const std::string& key) {
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    if (table.columns[c].key == key) return table.rows.at(row)[c];
  throw std::out_of_range(key);
}

}  // namespace moesim::testing
