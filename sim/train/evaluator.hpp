// The evaluator measures a model on the validation split. What is measured depends on [eval] alone,
// so that arms with other training batches can be compared.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct Evaluation {
  index step = 0;       // updates done
  index sequences = 0;  // evaluated
  index targets = 0;    // predictions that the loss is a mean over
  double loss = 0;
  // Standard error of the loss as an estimate of that on the whole validation split: 0 if that was
  // evaluated, NaN if a single sequence of more was.
  double loss_error = 0;
  double accuracy = 0;                  // share of targets that are the largest logit
  std::vector<double> domain_loss;      // per domain of the target; NaN for one without targets
  std::vector<double> domain_targets;   // how many there were
  std::vector<LayerStatistics> layers;  // of each MoE layer, over the whole evaluation
};

class Evaluator {
 public:
  // Reads [eval]. Everything given must outlive it.
  Evaluator(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
            Backend& backend, std::uint64_t seed);

  index every() const { return every_; }
  index batch() const { return std::min(batch_, sequences_); }  // sequences of the largest batch
  index batches() const { return (sequences_ + batch_ - 1) / batch_; }
  // Batch i of an evaluation, posed, and the context of the model's pass over it.
  Batch posed(index i) const;
  Context context(index i) const;
  // Nothing, if it is to stop: asked before every batch.
  std::optional<Evaluation> run(index step, const std::function<bool()>& stop) const;

  // Makes evaluations with these settings one batch long, for trials.
  static void shorten(Settings& settings, const std::string& origin);

 private:
  const Dataset& data_;
  const Task& task_;
  Transformer& model_;
  Backend& backend_;
  std::uint64_t seed_;
  index every_, batch_, sequences_;
};

}  // namespace moesim
