// Evaluator measures a model on the validation split. The sequences depend on [eval] alone, so arms
// with different training batches are comparable.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/model/transformer.hpp"
#include "sim/moe/statistics.hpp"
#include "sim/record/run_file.hpp"
#include "sim/task/task.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

inline constexpr index kManySteps = index{1} << 40;  // more than any run.steps

// "dropless" or "training", as eval.also and variables name them.
std::string name_of(Rules rules);

struct Evaluation {
  index step = 0;       // updates done
  index sequences = 0;  // evaluated
  index targets = 0;    // predictions that the loss is a mean over
  double loss = 0;
  // Standard error of the loss as an estimate for the whole validation split: 0 if the whole split
  // was evaluated, NaN for a single sequence of a larger one.
  double loss_error = 0;
  // The loss over the predictions at positions >= eval.from; NaN if eval.from = 0.
  double loss_from = kMissing;
  // The loss under the further rules of eval.also, in their order.
  std::vector<double> loss_also = {};
  double accuracy = 0;                  // share of targets that are the largest logit
  std::vector<double> domain_loss;      // per domain of the target; NaN for one without targets
  std::vector<double> domain_targets;   // targets per domain
  std::vector<LayerStatistics> layers;  // of each MoE layer, over the whole evaluation
};

class Evaluator {
 public:
  // Reads [eval]. All arguments must outlive it.
  Evaluator(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
            Backend& backend, std::uint64_t seed);

  index every() const { return every_; }
  index batch() const { return std::min(batch_, sequences_); }  // sequences in the largest batch
  index from() const { return from_; }                          // eval.from
  const std::vector<Rules>& also() const { return also_; }      // eval.also
  index batches() const { return (sequences_ + batch_ - 1) / batch_; }
  index sequences() const { return sequences_; }  // of an evaluation
  // Batch i of an evaluation, posed, and the context of its forward pass.
  Batch posed(index i) const;
  Context context(index i, Rules rules = Rules::own) const;
  // SHA-256 of the inputs and targets of an evaluation: runs that agree in it are evaluated on the
  // same sequences.
  std::string sha256() const;
  // Evaluates; returns nothing if `stop` returns true, which is called before every batch.
  std::optional<Evaluation> run(index step, const std::function<bool()>& stop,
                                Rules rules = Rules::own) const;

  // Sequences per evaluation batch with these settings.
  static index batch_of(const Settings& settings);
  // Limits evaluations with these settings to one batch, for trial runs.
  static void shorten(Settings& settings, const std::string& origin);

 private:
  const Dataset& data_;
  const Task& task_;
  Transformer& model_;
  Backend& backend_;
  std::uint64_t seed_;
  index every_, batch_, sequences_, from_;
  std::vector<Rules> also_;
};

}  // namespace moesim
