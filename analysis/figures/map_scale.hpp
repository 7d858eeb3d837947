// Scales of heat maps: the labels of rows and columns, and the range of colours.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/ranges.hpp"
#include "analysis/figures/ticks.hpp"

#include <string>
#include <vector>

namespace moesim {

// Labels of rows or columns over `length` points: as many as fit where one needs `least` points.
Ticks map_ticks(const std::vector<std::string>& names, double length, double least);

// Of all maps of a figure: to round numbers beyond their values, as far as needed on each side of
// the neutral one.
Range shade_range(const Figure& figure);
// Round numbers counted from the neutral one, `most` of them (2 to 5).
Ticks shade_ticks(const Range& range, double neutral, std::size_t most);

}  // namespace moesim
