// Sets the columns of a table for LaTeX: S columns of siunitx, which align numbers at the decimal
// marker.
#pragma once

#include "analysis/render/table.hpp"

#include <string>
#include <vector>

namespace moesim {

// One column of a table, which may take several of LaTeX.
struct LatexColumn {
  std::string format;  // of the tabular
  std::string head;
  std::vector<std::string> cells;  // by row
  std::size_t characters = 0;      // of its widest cell, roughly
};

// Without the columns that are empty. Texts of more characters than `widest` break into lines.
std::vector<LatexColumn> latex_columns(const Table& table, std::size_t widest = 200);

// A title in one line, or in two where it is wider than what stands below it: as even as its
// spaces and marks ("_", "=", ".", "/") allow.
std::vector<std::string> title_lines(const std::string& title, std::size_t below);

// The decimals of a number that is known up to this deviation: as many as show two significant
// digits of it, at most `most`.
int supported_decimals(double deviation, int most);

}  // namespace moesim
