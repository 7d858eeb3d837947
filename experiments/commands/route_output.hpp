// Makes the files of moesim route.
#pragma once

#include "analysis/render/table.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "sim/train/trace_monitor.hpp"
#include "sim/train/weight_monitor.hpp"

#include <cstddef>
#include <string>

namespace moesim {

// A run file with the variables trace_* and the settings of the run in `folder`.
RunFile route_file(const StepTrace& trace, const RoutedWeights& weights, const std::string& folder,
                   LoadedRun& loaded);
// One row per assignment, by token, layer and choice.
Table route_table(const StepTrace& trace, const Experiment& e);
// Throws Exit::usage if no layer assigns tokens to experts: the table would be empty.
void require_assignments(const StepTrace& trace, const RoutedWeights& weights,
                         const std::string& router, const std::string& out);

// RouteCounts is what a file of moesim route has.
struct RouteCounts {
  std::size_t assignments = 0, dropped = 0, layers = 0;
  index maps = 0, merged = 0;  // of a mixing: one per sequence and layer; merged experts
};
RouteCounts counts_of(const StepTrace& trace, const RoutedWeights& weights);
// "96 assignments in 2 layers, 0 dropped", "16 maps of dispatch and combine weights in 2 layers", ….
std::string text_of(const RouteCounts& counts);

}  // namespace moesim
