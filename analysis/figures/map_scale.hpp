// Computes the scales of heat maps: row and column labels, and the range of colours.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/ranges.hpp"
#include "analysis/figures/ticks.hpp"

#include <string>
#include <vector>

namespace moesim {

// Returns the labels of rows or columns along `length` points: as many as fit if each takes `least`
// points.
Ticks map_ticks(const std::vector<std::string>& names, double length, double least);

// Returns the colour range of all maps of a figure: extended to round numbers on each side of the
// neutral value, as far as the data need.
Range shade_range(const Figure& figure);
// Returns `most` (2 to 5) round numbers, counted from the neutral value.
Ticks shade_ticks(const Range& range, double neutral, std::size_t most);

}  // namespace moesim
