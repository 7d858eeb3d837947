// Sheet is a table for people: its cells formatted as text, without empty columns.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

struct Sheet {
  std::vector<const Column*> columns;
  std::vector<std::size_t> origins;             // index of each column in the table
  std::vector<std::vector<std::string>> lines;  // line 0: titles
  std::vector<std::vector<bool>> bold;          // same shape as lines
};

Sheet sheet_of(const Table& table);

// Returns true for no value, NaN, an empty sample or the interval of one.
bool is_empty(const Cell& cell);
// Formats a cell: "1.8940 ± 0.0034", "[-0.0130, 0.0040]", "12.3M", or "-" if empty. The result is
// safe for a terminal; text is cut after 200 characters.
std::string for_people(const Cell& cell, const Column& column);
// Formats a number with `decimals` decimals; one that rounds to zero has no sign.
std::string fixed(double value, int decimals);
// Formats a standard deviation. "0.000" means exactly none; a deviation that would be rounded to
// that shows its first digit: "0.0003" or "4e-09".
std::string fixed_deviation(double value, int decimals);
// Formats large numbers with a unit: 12345678 as "12.3M".
std::string shortened(double value);

// Joins cells as joined() does, but keeps empty ones.
std::string row_of(const std::vector<std::string>& cells, std::string_view separator);

}  // namespace moesim
