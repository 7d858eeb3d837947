// Ranges are what the axes of a panel cover.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/ticks.hpp"

#include <vector>

namespace moesim {

struct Range {
  double low = 0, high = 1;
};

// Of each panel. Panels whose axes have one title share a range.
std::vector<Range> x_ranges(const Figure& figure);
std::vector<Range> y_ranges(const Figure& figure);
// True if the axes of all panels have one title and one kind of labels.
bool share_x(const Figure& figure);
bool share_y(const Figure& figure);

}  // namespace moesim
