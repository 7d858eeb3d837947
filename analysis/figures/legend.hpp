// The legend of a figure stands below its panels, in as many columns as there is room for.
#pragma once

#include "analysis/figures/layout.hpp"

namespace moesim {

// Places an entry for each name in the figure, from its lower end up, and returns their height.
double place_legend(Layout& layout, const Figure& figure);

}  // namespace moesim
