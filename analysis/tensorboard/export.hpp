// Exports runs to TensorBoard: a folder with one event file per run, optionally following runs
// while they train.
#pragma once

#include "analysis/runs/load.hpp"

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace moesim {

struct TensorboardOptions {
  std::string folder;                  // gets EXPERIMENT/ARM/seed N for each run
  std::vector<std::string> arms = {};  // labels of runs; empty: all

  // Keeps adding new rows until every run is complete, diverged or failed.
  bool follow = false;
  // Called between two readings of the run files; blocks as long as it likes. Returns false to
  // stop.
  std::function<bool()> wait = {};
  // Returns true while some run below the paths has not ended, with or without a run file. Empty:
  // only runs with a run file count.
  std::function<bool()> awaits_more = {};
  // Called with one line about data that could not be exported.
  std::function<void(const std::string&)> warn = {};
};

struct TensorboardExport {
  std::size_t runs = 0, events = 0;
  std::size_t unreadable = 0;  // unreadable run files; reasons: Request::on_unreadable
};

// Exports the runs. Throws Exit::data if no run can be read (with `follow`: if a path does not
// exist), Exit::usage for an arm without runs (with `follow`: at the end), and Exit::output.
TensorboardExport export_tensorboard(const Request& request, const TensorboardOptions& options);

}  // namespace moesim
