// Range is the interval that an axis covers.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/ticks.hpp"

#include <vector>

namespace moesim {

struct Range {
  double low = 0, high = 1;
};

// Returns the x (y) range of each panel. Panels with the same axis title share a range.
std::vector<Range> x_ranges(const Figure& figure);
std::vector<Range> y_ranges(const Figure& figure);
// Returns true if the axes of all panels have the same title and the same labels.
bool share_x(const Figure& figure);
bool share_y(const Figure& figure);

}  // namespace moesim
