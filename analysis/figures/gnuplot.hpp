// Draws a figure with gnuplot: as a script, and as a picture.
#pragma once

#include "analysis/figures/data.hpp"
#include "analysis/figures/figure.hpp"
#include "analysis/figures/style.hpp"

#include <string>
#include <vector>

namespace moesim {

enum class Picture { svg, pdf, png };

// By the suffix of a path. Throws Exit::usage.
Picture picture_of(const std::string& path);

// A script that reads `csv` (FigureData) and writes `out`; both lie in the folder of the script.
std::string gnuplot_script(const Figure& figure, const FigureStyle& style, Picture picture,
                           const std::string& csv, const std::string& out);

// A picture, and what made it.
struct Drawing {
  std::string script, csv;
  std::string picture;             // the bytes of the file
  std::vector<std::string> notes;  // what this machine cannot draw
};

// Names of files are those in the script. Throws Exit::usage if there is no gnuplot, and
// Exit::internal with what it says if it fails.
Drawing draw(const Figure& figure, const FigureStyle& style, Picture picture,
             const std::string& csv = "figure.csv", const std::string& out = "figure.svg");

// An <svg> element for a page; see FigureStyle::id_prefix. Throws as draw() does.
std::string svg_of(const Figure& figure, const FigureStyle& style);

}  // namespace moesim
