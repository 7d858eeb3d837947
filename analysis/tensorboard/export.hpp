// Export of runs for TensorBoard: a folder with one event file for each run, which may go on while
// runs are trained.
#pragma once

#include "analysis/runs/load.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct TensorboardOptions {
  std::string folder;                  // has EXPERIMENT/ARM/seed N for each run
  std::vector<std::string> arms = {};  // labels of runs; empty: all

  // Until every run is complete, diverged or failed: what is new in run files is added.
  bool follow = false;
  // Called between two looks at the run files, and blocks for as long as it likes; false: stop.
  std::function<bool()> wait = {};
  // True as long as some run that belongs to the paths has not ended, with or without a run file;
  // none: those that have a run file are all.
  std::function<bool()> awaits_more = {};
  // Called with a line about what could not be shown.
  std::function<void(const std::string&)> warn = {};
};

struct TensorboardExport {
  std::size_t runs = 0, events = 0;
  std::size_t unreadable = 0;  // run files that cannot be read; Request::on_unreadable has the why
};

// Throws Exit::data if no run can be read (with `follow`, if a path is not there), Exit::usage for
// an arm that no run has (with `follow`, at the end), and Exit::output.
TensorboardExport export_tensorboard(const Request& request, const TensorboardOptions& options);

}  // namespace moesim
