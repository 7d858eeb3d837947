// Report is one page about a comparison of arms: what it has shown, in words, tables and figures;
// and what ran, so that it can be checked and run again.
#pragma once

#include "analysis/runs/load.hpp"
#include "analysis/tables/routers.hpp"

#include <string>
#include <vector>

namespace moesim {

struct ReportOptions {
  std::string title = {};                  // empty: the names of the experiments
  std::string generator = {};              // the program that writes it, with its version
  std::string baseline = {}, target = {};  // as RoutersOptions has them
  At at = {};
  std::vector<std::string> arms = {};  // empty: all
};

// The same runs and options give the same bytes. Parts that cannot be made, figures without gnuplot
// among them, leave a line in their place. Throws Exit::data if no run can be read, and Exit::usage
// for an arm or a target that is not there.
std::string report(const Request& request, const ReportOptions& options);

}  // namespace moesim
