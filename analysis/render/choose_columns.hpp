// Selects columns of a table, for --columns.
#pragma once

#include "analysis/render/table.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns the table reduced to the columns with these keys, in this order. Throws Exit::usage with
// the nearest key for one that the table does not have.
Table with_columns(const Table& table, const std::vector<std::string>& keys);

}  // namespace moesim
