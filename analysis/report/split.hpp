// Parts of a table.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// The table with these of its rows, in this order.
Table with_rows(const Table& table, const std::vector<std::size_t>& rows);

// The table without these notes, which are said elsewhere.
Table without_notes(const Table& table, const std::vector<std::string>& notes);

// A table with several rows per arm: those about all of an arm, and the rows of each arm.
struct Split {
  Table totals;                                     // with the notes
  std::vector<std::pair<std::string, Table>> arms;  // by the name of the arm, without notes
};

// Rows are of the arm in column "arm". A total has the text "all" in column `key`; an arm without
// one has its first row among the totals.
Split split_by_arm(const Table& table, const std::string& key);

}  // namespace moesim
