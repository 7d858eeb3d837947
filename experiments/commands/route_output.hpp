// Makes the files of moesim route.
#pragma once

#include "analysis/render/table.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "sim/train/trace_monitor.hpp"
#include "sim/train/weight_monitor.hpp"

#include <string>

namespace moesim {

// A run file with the variables trace_* and the settings of the run in `folder`.
RunFile route_file(const StepTrace& trace, const RoutedWeights& weights, const std::string& folder,
                   LoadedRun& loaded);
// One row per assignment, by token, layer and choice.
Table route_table(const StepTrace& trace, const Experiment& e);

}  // namespace moesim
