// Draws figures with gnuplot: writes the script and runs it.
#pragma once

#include "analysis/figures/data.hpp"
#include "analysis/figures/figure.hpp"
#include "analysis/figures/style.hpp"

#include <string>
#include <vector>

namespace moesim {

enum class Picture { svg, pdf, png };

// Returns the format of a path's suffix. Throws Exit::usage for another suffix.
Picture picture_of(const std::string& path);

// Returns a script that reads `csv` (FigureData) and writes `out`. Both names are relative to the
// folder of the script.
std::string gnuplot_script(const Figure& figure, const FigureStyle& style, Picture picture,
                           const std::string& csv, const std::string& out);

// Drawing is a rendered picture with its script and data.
struct Drawing {
  std::string script, csv;
  std::string picture;             // the bytes of the file
  std::vector<std::string> notes;  // missing fonts and characters
};

// Renders a figure. `csv` and `out` are the file names in the script. Throws Exit::usage if gnuplot
// is not installed, and Exit::internal with gnuplot's message if it fails.
Drawing draw(const Figure& figure, const FigureStyle& style, Picture picture,
             const std::string& csv = "figure.csv", const std::string& out = "figure.svg");

// Returns the figure as an <svg> element for an HTML page; see FigureStyle::id_prefix. Throws as
// draw() does.
std::string svg_of(const Figure& figure, const FigureStyle& style);

}  // namespace moesim
