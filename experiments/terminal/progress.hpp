// Progress is the training hook that reports to people: lines for the display and for log.txt.
#pragma once

#include "experiments/terminal/progress_line.hpp"
#include "sim/train/trainer.hpp"

#include <chrono>
#include <string>

namespace moesim {

class Progress : public Hook {
 public:
  // prefix: identifies the run in the sweep, "[3/24] soft seed 1". log: path of log.txt.
  Progress(std::string prefix, Show show, const std::string& log);
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Shows drops and balance of the steps that `recorder` records, so that no further steps need
  // routing statistics.
  void show_records_of(const Hook& recorder) { recorder_ = &recorder; }

  bool wants_routing(index step) const override {
    return recorder_ != nullptr && recorder_->wants_routing(step);
  }
  void on_routing(index step, const std::vector<LayerStatistics>& layers) override;
  void on_step(const StepReport& report) override;
  void on_evaluation(const Evaluation& evaluation) override;
  // Reports another event: "resuming at step 100 ...", "warning: ...".
  void say(const std::string& what);
  double seconds() const;  // since the start

 private:
  std::string line(const StepReport& report) const;
  void keep(const std::string& text);
  void open_log();

  std::string prefix_;
  Show show_;
  std::string path_;  // of log.txt
  int log_ = -1;
  std::chrono::steady_clock::time_point begin_, last_;
  index trained_ = 0;  // steps of this process, including rewound ones
  StepReport latest_;
  std::string routing_;  // drops and balance of the latest training record
  const Hook* recorder_ = nullptr;
};

}  // namespace moesim
