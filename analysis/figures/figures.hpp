// The figures, one file each. Arguments and errors are those of figure_of (build.hpp).
#pragma once

#include "analysis/figures/gather.hpp"

namespace moesim {

// A figure before its notes about reading are known.
struct Built {
  Figure figure;
  Gathered gathered;
};

Built loss_figure(const Request& request, const FigureOptions& options);

}  // namespace moesim
