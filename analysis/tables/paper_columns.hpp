// Selects the columns of a table for a paper, where there is no room for all.
#pragma once

#include "analysis/render/table.hpp"

namespace moesim {

// Returns the table with the selected columns, without notes that only the removed columns refer
// to. A table without a selection is returned unchanged.
Table for_paper(const Table& table);

}  // namespace moesim
