// Makes each figure from run files.
#pragma once

#include "analysis/figures/figure.hpp"
#include "analysis/runs/arms.hpp"
#include "analysis/runs/at.hpp"
#include "analysis/runs/load.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct FigureOptions {
  std::vector<std::string> arms = {};  // names; one text may hold several, with commas; none: all
  std::vector<std::int64_t> layers = {};  // labels; none: all
  std::string x = "steps";                // steps, tokens, flops or seconds
  std::string quantity = {};              // a variable of the run file; empty: the figure's own
  At at = {};                        // the evaluation of heatmap, pareto, domains, curves-by-key
  std::string key = {};              // curves-by-key; empty: the only one that varies
  std::string metric = "eval_loss";  // curves-by-key and pareto
  std::optional<std::int64_t> seed = {};  // load and heatmap: of this seed alone
  std::size_t most_panels = 24;           // load: as many as have room
};

// The settings that vary, for FigureOptions::key: not what follows from another, and of those that
// change together one.
std::vector<std::string> swept_keys(const std::vector<Arm>& arms);

// As --figure has them.
const std::vector<std::string>& figure_names();

// Throws Exit::usage for a name or an option that cannot be, and Exit::data if no run has what the
// figure shows.
Figure figure_of(const std::string& name, const Request& request, const FigureOptions& options);

}  // namespace moesim
