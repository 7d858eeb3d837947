// The training loop: batches in, updates out; everything else (records, progress) hangs on hooks.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/nn/transformer.hpp"
#include "sim/task/task.hpp"
#include "sim/train/evaluator.hpp"
#include "sim/train/optimiser.hpp"
#include "sim/train/schedule.hpp"
#include "sim/train/step_replay.hpp"

#include <optional>
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

// Where a training stands between two steps; with the tensors of Trainer::state(), all that decides
// how it goes on.
struct Position {
  index step = 0;             // steps done
  bool evaluated = false;     // the evaluation that is due here is done
  index skipped_batches = 0;  // training batches skipped after going back (train.not_finite)
  index not_finite = 0;       // steps whose loss or gradient was not finite
};

// What happens when loss or gradient is NaN or infinite: the run stops, the update is skipped, or
// training goes back to a checkpoint and takes other batches.
enum class NotFinite { stop, skip, rewind };

enum class End { complete, stopped };

class Hook {
 public:
  virtual ~Hook() = default;
  // Asked between steps and between the batches of an evaluation: is training to stop here?
  virtual bool wants_stop() { return false; }
  // Between two steps, after the evaluation that was due, and at the end.
  virtual void on_boundary(const Position&) {}
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
  // Trains from where it stands, to the end or until a hook wants it to stop; then it can be run
  // again. Throws Exit::diverged, naming step and tensor, in the step whose loss or gradient is not
  // finite, unless such steps are skipped.
  End run(const std::vector<Hook*>& hooks);
  Evaluation evaluate(index step) {
    return *evaluator_.run(step, [] { return false; });
  }

  const Position& position() const { return position_; }
  // Everything that learns or is learnt: parameters, buffers ("buffer.NAME") and what the optimiser
  // keeps ("adamw.first.NAME").
  const std::vector<Parameter>& parameters() const { return parameters_; }
  std::vector<NamedTensor> state();
  // Names and shapes of state(), without its memory; start() need not have been called.
  std::vector<std::pair<std::string, Shape>> shapes_of_state() const;
  index updates() const { return optimiser_->updates(); }
  // After the tensors were given their values.
  void resume(const Position& position, index updates);

  // "replayed", or why steps are not replayed; "" on a device that never replays.
  std::string replay() const;
  bool may_replay() const { return replay_ && replay_->refusal().empty(); }
  index replayed_steps() const { return replay_ ? replay_->replayed() : 0; }

  // True if there is an evaluation after so many steps: at a multiple of eval.every, and at the
  // end.
  bool evaluates_at(index step) const;
  const Evaluator& evaluator() const { return evaluator_; }
  index evaluation_batches() const { return evaluator_.batches(); }
  index evaluation_batch() const { return evaluator_.batch(); }  // sequences of the largest
  NotFinite not_finite() const { return not_finite_; }
  index not_finite_limit() const { return not_finite_limit_; }
  // The first parameter with a value that is not finite, or "".
  std::string damaged_parameter() const;

  // Sequences per micro-batch, which the model must know before it is built.
  static index micro_batch(Settings& settings);

 private:
  bool stop_wanted(const std::vector<Hook*>& hooks) const;
  StepReport train_step(const std::vector<Hook*>& hooks);
  // The batch of the step that training stands before, of which micro-batch `part` takes rows part
  // * micro_ and on, and how many targets it has: its loss is the mean over them.
  struct StepBatch {
    Batch batch;
    index targets;
  };
  StepBatch step_batch() const;
  Example example_of(const StepBatch& batch, index part) const;
  Context training_context(index part) const;
  PassLosses pass(const Example& example, index targets, Context& context);
  const std::vector<PassLosses>* replay_passes(const StepBatch& batch);
  // Counts a step that is not finite; throws unless such steps are skipped.
  void meet_not_finite(const char* when, double loss);
  std::string diagnose();

  const Dataset& data_;
  const Task& task_;
  Transformer& model_;
  Backend& backend_;
  std::uint64_t seed_;
  index steps_, micro_, accumulate_;
  double clip_;
  NotFinite not_finite_;
  index not_finite_limit_;
  bool graphs_;
  Position position_;
  std::vector<Parameter> parameters_;
  std::unique_ptr<Optimiser> optimiser_;
  Schedule schedule_;
  Evaluator evaluator_;
  std::unique_ptr<StepReplay> replay_;  // or null
};

}  // namespace moesim
