// The figures of a report, as inline SVG with captions.
#pragma once

#include "analysis/figures/build.hpp"
#include "analysis/report/parts.hpp"

#include <string>

namespace moesim {

// The figure of that name, or why these runs have nothing to show in it. Without gnuplot a line
// says what to install, the same for every figure.
Part plot_part(const std::string& name, const Request& request, const FigureOptions& options);

// What a figure shows, in words, for those who do not see it: panels, axes and series.
std::string text_alternative(const Figure& figure);

// A <figure> of an <svg> element, with caption and notes. The caption is text.
std::string plot_html(const Figure& figure, const std::string& svg, const std::string& caption);

}  // namespace moesim
