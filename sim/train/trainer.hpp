// The trainer runs the training loop: batches in, updates out. Records, checkpoints and progress
// are hooks.
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

// What happens when loss or gradient is NaN or infinite: the run stops, the update is skipped, or
// training goes back to a checkpoint and takes other batches.
enum class NotFinite { stop, skip, rewind };

enum class End { complete, stopped };

class Trainer {
 public:
  // Reads run.steps, [train] and [eval]. Everything given must outlive the trainer.
  Trainer(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
          Backend& backend, std::uint64_t seed);

  // Allocates and draws the parameters.
  void start();
  // Takes them from another run, if [init] names one: before the first step of a run that has no
  // checkpoint of its own. -> what was taken, in one line; "": nothing
  std::string take_start() { return start_.load(weights()); }
  // Trains from where it stands, to the end or until a hook wants it to stop; then it can be run
  // again. Throws Exit::diverged, naming step and tensor, in the step whose loss or gradient is not
  // finite, unless such steps are skipped.
  End run(const std::vector<Hook*>& hooks);
  Evaluation evaluate(index step) {
    return *evaluator_.run(step, [] { return false; });
  }

  const Position& position() const { return position_; }
  // run.steps, train.batch and train.accumulate.
  index steps() const { return steps_; }
  index batch() const { return batch_.sequences; }
  index accumulate() const { return batch_.parts; }
  // Numbers that the optimiser keeps for each parameter.
  std::size_t moments() const { return optimiser_->kinds_of_state().size(); }
  const std::vector<Parameter>& parameters() const { return parameters_; }
  // What a model needs to run: parameters and buffers.
  std::vector<NamedTensor> weights() const;
  // What training needs besides to go on: what the optimiser keeps ("adamw.first.NAME").
  std::vector<NamedTensor> state() { return optimiser_->state(); }
  // Names and shapes of both, without their memory; start() need not have been called.
  std::vector<std::pair<std::string, Shape>> shapes_of_weights() const;
  std::vector<std::pair<std::string, Shape>> shapes_of_state() const;
  index updates() const { return optimiser_->updates(); }
  // After the tensors were given their values.
  void resume(const Position& position, index updates);

  const Passes& passes() const { return *passes_; }
  const Evaluator& evaluator() const { return evaluator_; }
  // True if there is an evaluation after so many steps: at a multiple of eval.every, and at the
  // end.
  bool evaluates_at(index step) const;
  NotFinite not_finite() const { return not_finite_; }
  index not_finite_limit() const { return not_finite_limit_; }

  // Sequences per micro-batch, which the model must know before it is built.
  static index micro_batch(Settings& settings) { return StepBatch::read(settings).each(); }

 private:
  bool stop_wanted(const std::vector<Hook*>& hooks) const;
  StepReport train_step(const std::vector<Hook*>& hooks);
  // The batch of the step that training stands before.
  StepBatch step_batch() const { return {data_, task_, backend_, seed_, batch_, position_}; }
  // Clips the gradients and updates the parameters, unless something is not finite.
  void update(StepReport& report);
  // Counts a step that is not finite; throws unless such steps are skipped.
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
  std::unique_ptr<Optimiser> optimiser_;
  Schedule schedule_;
  Evaluator evaluator_;
  std::unique_ptr<Passes> passes_;
};

}  // namespace moesim
