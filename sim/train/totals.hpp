// What a whole training took and dropped, as attributes of the run file (analysis/FORMAT.md).
#pragma once

#include "sim/core/types.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/record/run_file.hpp"

#include <chrono>
#include <vector>

namespace moesim {

class Totals {
 public:
  explicit Totals(index record_every) : every_(record_every) {}

  void add_step(double seconds, index tokens);
  void add_record(const std::vector<LayerStatistics>& layers);
  // train_drops_percent, of the records before an evaluation after so many steps; nothing before
  // the first step.
  void write_drops(RunFile& file, index step) const;
  // train_seconds, train_flops and wall_seconds, of now. What an earlier build began has none of
  // the three: its first part is not known.
  void write(RunFile& file) const;
  // Goes on from what an earlier process wrote.
  void restore(const RunFile& earlier);

 private:
  using Clock = std::chrono::steady_clock;
  void add_drops(double dropped, double assignments);

  index every_;
  double seconds_ = 0;
  double tokens_ = 0;
  double wall_ = 0;  // before `begin_`
  Clock::time_point begin_ = Clock::now();
  std::vector<double> steps_, percent_;  // of the latest records; NaN where nothing was routed
  index records_ = 0;                    // all
};

}  // namespace moesim
