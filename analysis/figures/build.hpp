// Builds a figure, chosen by its name, from run files.
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

// FigureOptions are the choices of `moesim plot` that change what a figure shows.
struct FigureOptions {
  std::vector<std::string> arms = {};     // names, or lists with commas; empty: all
  std::vector<std::int64_t> layers = {};  // block indices; empty: all
  std::string x = "steps";                // steps, tokens, flops or seconds
  std::string quantity = {};              // a variable of the run file; empty: the figure's own
  At at = {};                        // the evaluation of heatmap, pareto, domains, curves-by-key
  std::string key = {};              // curves-by-key; empty: the only one that varies
  std::string metric = "eval_loss";  // curves-by-key and pareto
  std::optional<std::int64_t> seed = {};  // load and heatmap: only this seed
  std::size_t most_panels = 24;           // load: more are pooled
};

// Returns the settings that vary over the arms: the choices for FigureOptions::key. Settings that
// depend on another are left out; of settings that change together, the first is returned.
std::vector<std::string> swept_keys(const std::vector<Arm>& arms);

// Returns the names that --figure accepts.
const std::vector<std::string>& figure_names();

// Builds the figure `name`. Throws Exit::usage for an unknown name or an option that does not fit,
// and Exit::data if no run has the quantities of the figure.
Figure figure_of(const std::string& name, const Request& request, const FigureOptions& options);

}  // namespace moesim
