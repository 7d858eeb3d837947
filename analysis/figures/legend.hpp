// Places the legend of a figure below its panels, in as many columns as fit.
#pragma once

#include "analysis/figures/layout.hpp"

namespace moesim {

// Places an entry for each name in the figure, from the lower edge upwards. Returns the height of
// the legend.
double place_legend(Layout& layout, const Figure& figure);

}  // namespace moesim
