// Declares the figures; each is defined in a file of its own. Arguments and errors are those of
// figure_of (build.hpp).
#pragma once

#include "analysis/figures/gather.hpp"

#include <string>
#include <vector>

namespace moesim {

// Built is a figure and the runs it was built from; figure_of adds the notes about runs that could
// not be read.
struct Built {
  Figure figure;
  Gathered gathered;
};

Built loss_figure(const Request& request, const FigureOptions& options);
std::vector<std::string> loss_quantities();  // that a figure of loss can show, the default first
Built load_figure(const Request& request, const FigureOptions& options);
Built heatmap_figure(const Request& request, const FigureOptions& options);
Built drops_figure(const Request& request, const FigureOptions& options);
Built entropy_figure(const Request& request, const FigureOptions& options);
Built pareto_figure(const Request& request, const FigureOptions& options);
Built domains_figure(const Request& request, const FigureOptions& options);
Built swept_figure(const Request& request, const FigureOptions& options);  // curves-by-key

}  // namespace moesim
