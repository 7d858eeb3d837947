// Finds columns of the routers table by the names that --columns takes.
#pragma once

#include "analysis/tables/router_columns.hpp"

#include <string>
#include <vector>

namespace moesim {

// Finds a column by its key, makes one for a quantity of an outcome, or finds one by its title, in
// this order. Throws Exit::usage for any other name.
RouterColumn find_column(const std::vector<RouterColumn>& columns, const std::string& name,
                         const std::vector<Outcome>& outcomes);

// Returns the names that are not keys of columns.
std::vector<std::string> quantities_among(const std::vector<std::string>& names);

}  // namespace moesim
