// Turns what happens in training into the variables of the run file (analysis/FORMAT.md).
#pragma once

#include "sim/record/run_file.hpp"
#include "sim/train/trainer.hpp"

#include <string>

namespace moesim {

class Recorder : public Hook {
 public:
  // Reads [record]. `path`: where the run file is published, at every evaluation and at the end.
  Recorder(Settings& settings, const DatasetInfo& data, const Transformer& model, std::string path);

  bool wants_routing(index step) const override { return step % every_ == 0; }
  void on_routing(index step, const std::vector<LayerStatistics>& layers,
                  const std::string& plan) override;
  void on_step(const StepReport& report) override;
  void on_evaluation(const Evaluation& evaluation) override;

  RunFile& file() { return file_; }
  // Publishes with this status: running, complete or diverged.
  void publish(const std::string& status);

 private:
  void declare_statistics(const std::string& prefix, const std::string& axis);
  void append_statistics(const std::string& prefix, const std::vector<LayerStatistics>& layers);

  const DatasetInfo& data_;
  std::string path_;
  index every_, layers_ = 0, experts_ = 0;
  bool declared_aux_ = false;
  RunFile file_;
};

}  // namespace moesim
