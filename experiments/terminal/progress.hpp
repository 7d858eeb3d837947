// How training goes, for people: lines for whoever shows them, and for log.txt.
#pragma once

#include "experiments/terminal/progress_line.hpp"
#include "sim/train/trainer.hpp"

#include <chrono>
#include <string>

namespace moesim {

class Progress : public Hook {
 public:
  // prefix: which run of a sweep this is, "[3/24] soft seed 1". log: path of log.txt.
  Progress(std::string prefix, Show show, const std::string& log);
  ~Progress() override;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Whose records drops and balance in training are taken from; a step is measured for no one else.
  void show_records_of(const Hook& recorder) { recorder_ = &recorder; }

  bool wants_routing(index step) const override {
    return recorder_ != nullptr && recorder_->wants_routing(step);
  }
  void on_routing(index step, const std::vector<LayerStatistics>& layers) override;
  void on_step(const StepReport& report) override;
  void on_evaluation(const Evaluation& evaluation) override;
  // Something else that happened: "resuming at step 100 ...", "warning: ...".
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
  index trained_ = 0;  // steps of this process, those that were taken back too
  StepReport latest_;
  std::string routing_;  // drops and balance in the latest record of training
  const Hook* recorder_ = nullptr;
};

}  // namespace moesim
