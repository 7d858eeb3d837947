// The training loop: batches in, updates out; everything else (records, progress) hangs on hooks.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/nn/transformer.hpp"
#include "sim/task/task.hpp"
#include "sim/train/optimiser.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct StepReport {
  index step = 0;            // from 0
  index steps = 0;           // of the whole training
  double loss = 0;           // task loss and weighted auxiliary losses
  double task_loss = 0;      // nats
  double gradient_norm = 0;  // before clipping
  double rate = 0;
  double seconds = 0;                               // wall time of this step
  index tokens = 0;                                 // positions seen since the start
  std::vector<std::pair<std::string, double>> aux;  // weighted, summed over layers
};

struct Evaluation {
  index step = 0;  // updates done
  double loss = 0;
  double accuracy = 0;                  // share of targets that are the largest logit
  std::vector<double> domain_loss;      // per domain of the target; NaN for one without targets
  std::vector<LayerStatistics> layers;  // of each MoE layer, over the whole evaluation
};

class Hook {
 public:
  virtual ~Hook() = default;
  // Are the routings of this step to be measured?
  virtual bool wants_routing(index) const { return false; }
  // Statistics of every MoE layer over the step's batch; the plan's name comes from the first
  // layer.
  virtual void on_routing(index, const std::vector<LayerStatistics>&, const std::string&) {}
  virtual void on_step(const StepReport&) {}
  virtual void on_evaluation(const Evaluation&) {}
};

class Trainer {
 public:
  // Reads run.steps, [train] and [eval]. Everything given must outlive the trainer.
  Trainer(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
          Backend& backend, std::uint64_t seed);

  // Allocates and draws the parameters.
  void start();
  // Trains to the end. Throws Exit::diverged, naming step and tensor, as soon as the loss or a
  // gradient is not finite.
  void run(const std::vector<Hook*>& hooks);
  Evaluation evaluate(index step);

  // Sequences per micro-batch, which the model must know before it is built.
  static index micro_batch(Settings& settings);

 private:
  StepReport train_step(index step, const std::vector<Hook*>& hooks);
  void require_finite(index step, double loss, double norm) const;
  [[noreturn]] void fail_not_finite(const char* when, index step, double loss) const;

  const Dataset& data_;
  const Task& task_;
  Transformer& model_;
  Backend& backend_;
  std::uint64_t seed_;
  index steps_, micro_, accumulate_, eval_every_, eval_batches_;
  double clip_;
  std::vector<Parameter> parameters_;
  std::unique_ptr<Optimiser> optimiser_;
  Schedule schedule_;
};

}  // namespace moesim
