// Formats the columns of a table for LaTeX, with siunitx S columns that align numbers at the
// decimal marker.
#pragma once

#include "analysis/render/table.hpp"

#include <string>
#include <vector>

namespace moesim {

// LatexColumn is one column of a table; it may span several LaTeX columns.
struct LatexColumn {
  std::string format;  // column specification of the tabular
  std::string head;
  std::vector<std::string> cells;  // one per row
  std::size_t characters = 0;      // approximate width of the widest cell
};

// Returns the columns that have any value. Text longer than `widest` characters is broken into
// lines.
std::vector<LatexColumn> latex_columns(const Table& table, std::size_t widest = 200);

// Breaks a title into two lines if it is wider than the `below` characters of its cells, at the
// space or mark ("_", "=", ".", "/") that makes the lines most equal.
std::vector<std::string> title_lines(const std::string& title, std::size_t below);

}  // namespace moesim
