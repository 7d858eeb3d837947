// Builds the figures of a report as inline SVG with captions.
#pragma once

#include "analysis/figures/build.hpp"
#include "analysis/report/parts.hpp"

#include <string>

namespace moesim {

// Returns the figure, or the reason why these runs have no data for it. Without gnuplot the reason
// names the package to install and is the same for every figure.
ReportPart plot_part(const std::string& name, const Request& request, const FigureOptions& options);

// Describes a figure in words for screen readers: panels, axes and series.
std::string text_alternative(const Figure& figure);

// Returns a <figure> with the <svg> element, a caption (text) and notes.
std::string plot_html(const Figure& figure, const std::string& svg, const std::string& caption);

}  // namespace moesim
