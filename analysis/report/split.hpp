// Splits a table by rows, notes or arms.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Returns the table with only these rows, in this order.
Table with_rows(const Table& table, const std::vector<std::size_t>& rows);

// Returns the table without these notes, which the report prints elsewhere.
Table without_notes(const Table& table, const std::vector<std::string>& notes);

// SplitTable is a table with several rows per arm, divided into rows about a whole arm and the rows of
// each arm.
struct SplitTable {
  Table totals;                                     // has the notes
  std::vector<std::pair<std::string, Table>> arms;  // by arm name, without notes
};

// Splits by the column "arm". A row whose column `key` is "all" is a total; an arm without such a
// row puts its first row among the totals.
SplitTable split_by_arm(const Table& table, const std::string& key);

}  // namespace moesim
