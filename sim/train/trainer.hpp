// Trainer runs the training loop: it draws batches, runs passes, and updates parameters. Records,
// checkpoints and progress are hooks.
#pragma once

#include "sim/train/evaluator.hpp"
#include "sim/train/hook.hpp"
#include "sim/train/optimiser.hpp"
#include "sim/train/passes.hpp"
#include "sim/train/schedule.hpp"
#include "sim/train/start.hpp"
#include "sim/train/step_batch.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Policy for NaN or infinite loss or gradient: stop the run, skip the update, or rewind to a
// checkpoint and use other batches.
enum class NotFinite { stop, skip, rewind };

enum class End { complete, stopped };

class Trainer {
 public:
  // Reads run.steps, [train] and [eval]. All arguments must outlive the trainer.
  Trainer(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
          Backend& backend, std::uint64_t seed);

  // Allocates and initialises the parameters.
  void start();
  // Loads the weights of another run, if [init] names one, and the position at which this one begins;
  // only before the first step of a run without a checkpoint.
  Started take_start();
  // Throws as take_start() does, before start() and without changing anything.
  void require_start() const;
  // The same for a run with init.at; dense: names and shapes of the weights of its dense arm.
  void require_start(const NamedShapes& dense) const;
  const Start& beginning() const { return start_; }
  // Sets init.from, for a run that trained its own source (init.at).
  void begin_from(const std::string& folder);
  // [distil]; a run with a teacher needs it before run().
  const Distillation& distillation() const { return distillation_; }
  void set_teacher(Teacher teacher) { teacher_ = std::move(teacher); }
  // Trains from the current position to the end, or until a hook stops it; it can be called again.
  // Throws Exit::diverged with step and tensor if loss or gradient is NaN or infinite, unless such
  // steps are skipped.
  End run(const std::vector<Hook*>& hooks);
  Evaluation evaluate(index step) {
    return *evaluator_.run(step, [] { return false; });
  }

  const Position& position() const { return position_; }
  // run.steps, train.batch and train.accumulate.
  index steps() const { return steps_; }
  index batch() const { return batch_.sequences; }
  index accumulate() const { return batch_.parts; }
  // Number of moments that the optimiser stores per parameter.
  std::size_t moments() const { return optimiser_->kinds_of_state().size(); }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Parameters and buffers: the tensors for inference.
  std::vector<NamedTensor> weights() const;
  // Tensors for training besides: the optimiser's state ("adamw.first.NAME").
  std::vector<NamedTensor> state() { return optimiser_->state(); }
  // Names and shapes of both; does not allocate them, and start() need not have been called.
  NamedShapes shapes_of_weights() const;
  NamedShapes shapes_of_state() const;
  index updates() const { return optimiser_->updates(); }
  // Continues at this position; the tensors must have their values.
  void resume(const Position& position, index updates);

  const Passes& passes() const { return *passes_; }
  const Evaluator& evaluator() const { return evaluator_; }
  // True if an evaluation follows this number of steps: at multiples of eval.every, and at the end.
  bool evaluates_at(index step) const;
  NotFinite not_finite() const { return not_finite_; }
  index not_finite_limit() const { return not_finite_limit_; }

  // Sequences per micro-batch; the model needs it before it is built.
  static index micro_batch(Settings& settings) { return StepBatch::read(settings).each(); }

 private:
  // Throws Exit::usage if no step is left of run.steps.
  void require_room(const Started& started) const;
  bool stop_wanted(const std::vector<Hook*>& hooks) const;
  StepReport train_step(const std::vector<Hook*>& hooks);
  // The batch of the next step.
  StepBatch step_batch() const;
  // Clips the gradients and updates the parameters, unless loss or gradient norm is NaN or
  // infinite.
  void update(StepReport& report);
  // Counts a step with NaN or infinity; throws unless such steps are skipped.
  void meet_not_finite(const char* when, double loss);

  const Dataset& data_;
  const Task& task_;
  Transformer& model_;
  Backend& backend_;
  std::uint64_t seed_;
  index steps_;
  StepBatch::Size batch_;
  double clip_;
  NotFinite not_finite_;
  index not_finite_limit_;
  bool graphs_;
  Position position_;
  std::vector<Parameter> parameters_;
  Start start_;
  Distillation distillation_;
  Teacher teacher_;
  std::unique_ptr<Optimiser> optimiser_;
  Schedule schedule_;
  Evaluator evaluator_;
  std::unique_ptr<Passes> passes_;
};

}  // namespace moesim
