// Finds and selects columns of a table by their keys.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// Returns the index of the column with this key; nothing if there is none.
std::optional<std::size_t> column_of(const Table& table, const std::string& key);

// Returns the table reduced to the columns with these keys, in this order. Throws Exit::usage with
// the nearest key for one that the table does not have.
Table with_columns(const Table& table, const std::vector<std::string>& keys);

}  // namespace moesim
