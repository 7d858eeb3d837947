// Writes a figure as a script for Python with matplotlib, for those who go on from there.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/style.hpp"

#include <string>

namespace moesim {

// A script that reads `csv` (FigureData) and writes `out`; both lie in the folder of the script. It
// has `figure` and `axes`, which other programs can take from it.
std::string matplotlib_script(const Figure& figure, const FigureStyle& style,
                              const std::string& csv, const std::string& out);

}  // namespace moesim
