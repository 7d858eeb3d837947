// Recorder writes steps, routings and evaluations to the variables of the run file
// (analysis/FORMAT.md).
#pragma once

#include "sim/record/image.hpp"
#include "sim/record/run_file.hpp"
#include "sim/train/throttle.hpp"
#include "sim/train/totals.hpp"
#include "sim/train/trace_recorder.hpp"
#include "sim/train/trainer.hpp"

#include <string>

namespace moesim {

class Recorder : public Hook {
 public:
  // Reads [record]. tokens: of a training step. loss_from: eval.from, the position from which the
  // loss is recorded too; 0: not. also: eval.also, the rules under which it is recorded, too.
  Recorder(Settings& settings, const DatasetInfo& data, const Transformer& model, index tokens,
           index loss_from = 0, const std::vector<Rules>& also = {});
  // Publishes the run file at `path`: after the first step, then at most once a second, and in at
  // most one hundredth of the time. Without a path it publishes nothing.
  void publish_at(std::string path) { path_ = std::move(path); }
  // Adds settings as attributes under their full keys; none if there are more than kMostSettings.
  void describe_settings(const Settings& settings);

  bool wants_routing(index step) const override { return step % every_ == 0; }
  void on_routing(index step, const std::vector<LayerStatistics>& layers) override;
  bool wants_trace(index step) const override { return trace_.wants(step); }
  void on_trace(index step, const StepTrace& trace) override { trace_.append(file_, step, trace); }
  void on_step(const StepReport& report) override;
  void on_evaluation(const Evaluation& evaluation) override;
  void on_boundary(const Position& position) override;

  index every() const { return every_; }  // record.every
  const TraceRecorder& trace() const { return trace_; }
  // Median over this process's latest steps.
  double tokens_per_second() const;
  double seconds_publishing() const { return throttle_.spent(); }

  RunFile& file() { return file_; }
  // The run file with current totals: train_seconds, wall_seconds, train_flops.
  const RunFile& with_totals();
  // Continues the record of an earlier process. Throws Exit::data if its variables differ.
  void restore(const RunFile& earlier);
  // The run file with this status: running, complete or diverged.
  Image image(const std::string& status);
  void publish(const Image& image);
  void publish(const std::string& status) { publish(image(status)); }

 private:
  void declare_training();
  void declare_evaluation(index loss_from, const std::vector<Rules>& also);
  void declare_statistics(const std::string& prefix, const std::string& axis);
  void note_rate(const StepReport& report);
  // `axis`: record or eval.
  void append_statistics(const std::string& axis, const std::vector<LayerStatistics>& layers);
  std::size_t missing_experts(const LayerStatistics& layer) const {
    return static_cast<std::size_t>(experts_) - layer.demand.size();
  }

  void append_aux(const std::vector<std::pair<std::string, double>>& aux);
  void widen_aux(std::size_t known);

  const DatasetInfo& data_;
  std::string path_;
  index every_, layers_ = 0;
  index experts_ = 0;             // of the layer with most experts
  std::vector<Rules> also_;       // eval.also
  std::vector<std::string> aux_;  // names of recorded auxiliary losses, in order of their columns
  bool published_ = false;
  index tokens_ = 0;           // seen at the last step
  std::vector<double> rates_;  // tokens per second of the latest steps, in any order
  index steps_ = 0;            // of this process
  Totals totals_;
  TraceRecorder trace_;
  RunFile file_;
  Throttle throttle_{0.01, 1};
};

}  // namespace moesim
