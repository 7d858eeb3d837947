// Totals are the time, FLOPs and drops of a whole training, as attributes of the run file
// (analysis/FORMAT.md).
#pragma once

#include "sim/core/types.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/record/run_file.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace moesim {

// Cost of an MoE layer: expected rows of expert compute per token, and forward FLOPs of one row.
struct RowCost {
  double rows_per_token = 0, flops_per_row = 0;
};

class Totals {
 public:
  Totals(index record_every, std::vector<RowCost> layers)
      : every_(record_every), costs_(std::move(layers)), rows_(costs_.size()) {}

  void add_step(double seconds, index tokens);
  void add_record(const std::vector<LayerStatistics>& layers);
  // Called after an evaluation at this step: writes train_drops_percent of the records before it,
  // if there are any.
  void add_evaluation(RunFile& file, index step);
  // Writes train_seconds, train_flops, wall_seconds and flops_per_token_measured as of the last
  // step or evaluation, so that rewriting a file gives the same bytes. A run begun by an earlier
  // build lacks all of them, because its first part is unknown.
  void write(RunFile& file) const;
  // Continues the totals of an earlier process.
  void restore(const RunFile& earlier);

 private:
  using Clock = std::chrono::steady_clock;
  void tick();
  void add_drops(double dropped, double assignments);
  double measured_flops(double expected) const;

  index every_;
  std::vector<RowCost> costs_;  // by layer
  std::vector<double> rows_;    // Σ over records of rows per token; NaN if one is unknown
  double seconds_ = 0;
  double tokens_ = 0;  // at the last step of this process; 0 before it
  double flops_ = 0;   // of earlier processes
  double wall_ = 0;    // until `last_`
  Clock::time_point last_ = Clock::now();
  std::vector<double> steps_, percent_;  // of the latest records; NaN where nothing was routed
  index records_ = 0;                    // number of records
};

}  // namespace moesim
