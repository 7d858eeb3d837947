// Writes a figure as a Python script that uses matplotlib, for users who want to edit it.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/figures/style.hpp"

#include <string>

namespace moesim {

// Returns a script that reads `csv` (FigureData) and writes `out`. Both names are relative to the
// folder of the script. The script defines `figure` and `axes`, so that other programs can import
// them.
std::string matplotlib_script(const Figure& figure, const FigureStyle& style,
                              const std::string& csv, const std::string& out);

}  // namespace moesim
