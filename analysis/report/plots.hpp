// The figures of a report, as inline SVG with captions.
#pragma once

#include "analysis/figures/build.hpp"

#include <string>
#include <vector>

namespace moesim {

struct Plots {
  std::string html;                   // "" if there is no figure
  std::vector<std::string> left_out;  // figures that these runs have nothing to show in, and why
};

// Every figure that these runs have something to show in. Without gnuplot a line says what to
// install.
Plots plots(const Request& request, const FigureOptions& options);

// What a figure shows, in words, for those who do not see it: panels, axes and series.
std::string text_alternative(const Figure& figure);

// A <figure> of an <svg> element, with caption and notes. The caption is text.
std::string plot_html(const Figure& figure, const std::string& svg, const std::string& caption);

}  // namespace moesim
