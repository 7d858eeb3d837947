// Sheet is a table as people read it: its cells as text, without the columns that are empty.
#pragma once

#include "analysis/render/table.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace moesim {

struct Sheet {
  std::vector<const Column*> columns;
  std::vector<std::size_t> origins;             // of each column, its place in the table
  std::vector<std::vector<std::string>> lines;  // titles first
  std::vector<std::vector<bool>> bold;          // as lines
};

Sheet sheet_of(const Table& table);

// Nothing, NaN, an empty sample or the interval of one.
bool is_empty(const Cell& cell);
// "1.8940 ± 0.0034", "[-0.0130, 0.0040]", "12.3M", "-" for an empty one. Fit for a terminal; text
// of more than 200 characters is cut.
std::string for_people(const Cell& cell, const Column& column);
// With so many decimals; a number that rounds to zero has no sign.
std::string fixed(double value, int decimals);
// The same for a standard deviation: "0.000" is none at all, and one that would be rounded to that
// has its first digit, "0.0003", or "4e-09".
std::string fixed_deviation(double value, int decimals);
// 12345678 as "12.3M".
std::string shortened(double value);

// As joined(), but empty cells keep their place.
std::string row_of(const std::vector<std::string>& cells, std::string_view separator);

}  // namespace moesim
