// Chooses columns of a table.
#pragma once

#include "analysis/render/table.hpp"

#include <string>
#include <vector>

namespace moesim {

// The table with the columns of these keys alone, in this order. Throws Exit::usage for a key that
// it does not have, with the nearest.
Table with_columns(const Table& table, const std::vector<std::string>& keys);

}  // namespace moesim
