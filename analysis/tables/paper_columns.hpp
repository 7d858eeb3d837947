// The columns that a table has in a paper, where there is no room for all.
#pragma once

#include "analysis/render/table.hpp"

namespace moesim {

// The table with a paper's choice of its columns, without the notes that only the others referred
// to. A table for which there is no choice stays as it is.
Table for_paper(const Table& table);

}  // namespace moesim
