// Writes a report: one HTML page about a comparison of arms, with verdict, tables, figures,
// configs, provenance and the commands that reproduce it.
#pragma once

#include "analysis/runs/load.hpp"
#include "analysis/tables/routers.hpp"

#include <string>
#include <vector>

namespace moesim {

struct ReportOptions {
  std::string title = {};                  // empty: the names of the experiments
  std::string generator = {};              // program and version
  std::string baseline = {}, target = {};  // see RoutersOptions
  At at = {};
  std::vector<std::string> arms = {};  // empty: all
};

// Returns the page; the same runs and options give the same bytes. A part that cannot be made, such
// as a figure without gnuplot, is replaced by one line. Throws Exit::data if no run can be read,
// and Exit::usage for an unknown arm or target.
std::string report(const Request& request, const ReportOptions& options);

}  // namespace moesim
