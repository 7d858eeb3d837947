#include "sim/train/trainer.hpp"

#include "sim/backend/backend.hpp"
#include "sim/config/source_runs.hpp"
#include "sim/core/error.hpp"
#include "sim/train/adapter.hpp"
#include "sim/train/diagnose.hpp"
#include "sim/train/start_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

namespace moesim {
namespace {

using Clock = std::chrono::steady_clock;

index read_steps(Settings& settings) {
  return Options(settings, "run").integer("steps", 300, {1, kManySteps}, "optimiser steps");
}

Schedule read_schedule(Settings& settings) {
  Options train(settings, "train");
  return {train, read_steps(settings)};
}

NotFinite read_not_finite(Options& train) {
  const std::string policy = train.choice(
      "not_finite", "stop", {"stop", "skip", "rewind"},
      "NaN or infinite loss or gradient: stop the run, skip the update, or rewind to a "
      "checkpoint and use other batches");
  if (policy == "skip") return NotFinite::skip;
  return policy == "rewind" ? NotFinite::rewind : NotFinite::stop;
}

std::string name_of(index step) { return "step " + std::to_string(step); }

}  // namespace

Trainer::Trainer(Settings& settings, const Dataset& data, const Task& task, Transformer& model,
                 Backend& backend, std::uint64_t seed)
    : data_(data),
      task_(task),
      model_(model),
      backend_(backend),
      seed_(seed),
      steps_(read_steps(settings)),
      parameters_(model.parameters()),
      schedule_(read_schedule(settings)),
      evaluator_(settings, data, task, model, backend, seed) {
  batch_ = StepBatch::read(settings);
  Options train(settings, "train");
  clip_ = train.number("clip", 1, {0, 1e30}, "largest gradient norm (clipping); 0: no limit");
  not_finite_ = read_not_finite(train);
  not_finite_limit_ = train.integer("not_finite_limit", 10, {1, kManySteps},
                                    "steps with NaN or infinity that a run may skip or rewind");
  graphs_ =
      Options(settings, "run")
          .choice("graphs", "auto", {"auto", "off"},
                  "auto: on a GPU, steps that launch the same kernels every time are replayed "
                  "as a CUDA graph, with the same bits") == "auto";
  const ParameterRules rules = read_parameter_rules(settings, parameters_);
  start_ = read_start(settings, steps_);
  if (start_.method == Start::Method::adapter) explain_adapting(Options(settings, "init"), model);
  start_.from = source_of_seed(start_.from, seed);
  distillation_ = Distillation::read(settings);
  distillation_.teacher = source_of_seed(distillation_.teacher, seed);
  optimiser_ = make_optimiser(train, parameters_, rules);
  resume({}, 0);
}

void Trainer::start() {
  initialise(parameters_, backend_, seed_);
  initialise(model_.buffers(), backend_, seed_);
}

Started Trainer::take_start() {
  if (start_.from.empty()) return {};
  const Started started = start_.load(
      weights(), start_.copy_moments ? state() : std::vector<NamedTensor>{}, model_, seed_, [&] {
        return gate_sums(model_, task_.prepare(evaluator_.posed(0), backend_).input,
                         evaluator_.context(0));
      });
  require_room(started);
  resume(started.position, started.updates);
  return started;
}

void Trainer::require_start() const {
  require_room(start_.check(weights(), shapes_of_state(), model_, seed_));
}

void Trainer::require_start(const NamedShapes& dense) const {
  require_dense(start_, dense, shapes_of_weights(), model_, seed_);
}

void Trainer::require_room(const Started& started) const {
  if (started.position.step >= steps_)
    fail(Exit::usage, fmt::format("init.position = continue: {} has {} steps, and run.steps = {} "
                                  "counts those, too; raise run.steps",
                                  start_.from, started.position.step, steps_));
}

void Trainer::begin_from(const std::string& folder) {
  start_.from = folder;
  start_.checkpoint = std::to_string(start_.dense_steps);
}

std::vector<NamedTensor> Trainer::weights() const {
  std::vector<NamedTensor> all;
  for (const Parameter& p : parameters_) all.push_back({p.name, p.value});
  for (const Parameter& buffer : model_.buffers()) all.push_back({buffer.name, buffer.value});
  return all;
}

NamedShapes Trainer::shapes_of_weights() const {
  NamedShapes all;
  for (const NamedTensor& tensor : weights()) all.emplace_back(tensor.name, tensor.value.shape());
  return all;
}

NamedShapes Trainer::shapes_of_state() const {
  NamedShapes all;
  for (const std::string& kind : optimiser_->kinds_of_state())
    for (const Parameter& p : parameters_)
      if (!p.frozen) all.emplace_back(kind + p.name, p.value.shape());
  return all;
}

void Trainer::resume(const Position& position, index updates) {
  position_ = position;
  optimiser_->set_updates(updates);
  passes_ = make_passes(model_, backend_, static_cast<index>(data_.info().domains.size()), graphs_,
                        distillation_.any());
}

StepBatch Trainer::step_batch() const {
  StepBatch batch{data_, task_, backend_, seed_, batch_, position_};
  if (!distillation_.at(position_.step)) return batch;
  if (!teacher_) fail_in("trainer", "distil.teacher is set, and no teacher was given");
  batch.distil(distillation_, teacher_);
  return batch;
}

bool Trainer::evaluates_at(index step) const {
  const index every = evaluator_.every();
  return step == steps_ || (every > 0 && step % every == 0);
}

bool Trainer::stop_wanted(const std::vector<Hook*>& hooks) const {
  return std::any_of(hooks.begin(), hooks.end(), [](Hook* hook) { return hook->wants_stop(); });
}

End Trainer::run(const std::vector<Hook*>& hooks) {
  for (;;) {
    if (!position_.evaluated && evaluates_at(position_.step)) {
      const std::optional<Evaluation> evaluation = within(
          [&] { return "evaluation at " + name_of(position_.step); },
          [&] { return evaluator_.run(position_.step, [&] { return stop_wanted(hooks); }); });
      if (!evaluation) return End::stopped;
      for (Hook* hook : hooks) hook->on_evaluation(*evaluation);
      if (!std::isfinite(evaluation->loss)) meet_not_finite("evaluation at", evaluation->loss);
    }
    position_.evaluated = true;
    for (Hook* hook : hooks) hook->on_boundary(position_);
    if (position_.step == steps_) return End::complete;
    if (stop_wanted(hooks)) return End::stopped;
    const StepReport done = train_step(hooks);
    ++position_.step;
    position_.evaluated = false;
    const Span span(Part::recording);
    for (Hook* hook : hooks) hook->on_step(done);
  }
}

StepReport Trainer::train_step(const std::vector<Hook*>& hooks) {
  const Clock::time_point begin = Clock::now();
  const index step = position_.step;
  const auto measures = [&](const Hook* hook) { return hook->wants_routing(step); };
  const auto traces = [&](const Hook* hook) { return hook->wants_trace(step); };
  const Watch watch{.routing = std::any_of(hooks.begin(), hooks.end(), measures),
                    .trace = std::any_of(hooks.begin(), hooks.end(), traces)};

  const StepBatch batch = step_batch();
  const StepOutcome outcome =
      within([&] { return name_of(step); }, [&] { return passes_->run(batch, watch); });
  StepReport report{.step = step, .steps = steps_, .rate = schedule_.rate(step)};
  report.loss = outcome.losses.total();
  report.task_loss = outcome.losses.task;
  report.aux = outcome.losses.aux;
  update(report);
  passes_->release_gradients();

  report.tokens = (step + 1) * batch_.sequences * data_.info().length;
  report.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (!watch.routing && !watch.trace) return report;
  const Span span(Part::recording);
  for (Hook* hook : hooks) {
    if (measures(hook)) hook->on_routing(step, outcome.layers);
    if (traces(hook)) hook->on_trace(step, outcome.trace);
  }
  return report;
}

void Trainer::update(StepReport& report) {
  const Span span(Part::optimiser);
  const auto here = [&] { return name_of(report.step); };
  report.gradient_norm = within(here, [&] { return gradient_norm(parameters_); });
  if (!std::isfinite(report.loss) || !std::isfinite(report.gradient_norm)) {
    meet_not_finite("training in", report.loss);
    return;
  }
  const double scale = clip_ > 0 && report.gradient_norm > clip_ ? clip_ / report.gradient_norm : 1;
  within(here, [&] { optimiser_->step(report.rate, scale); });
  model_.after_step();
}

void Trainer::meet_not_finite(const char* when, double loss) {
  ++position_.not_finite;
  if (not_finite_ == NotFinite::skip && position_.not_finite <= not_finite_limit_) return;
  const std::string advice =
      not_finite_ != NotFinite::stop && position_.not_finite > not_finite_limit_
          ? fmt::format("more than train.not_finite_limit = {} such steps", not_finite_limit_)
          : "lower train.rate or train.clip";
  fail(Exit::diverged,
       fmt::format("{} {}: loss {}: not finite: {}; {}", when, name_of(position_.step), loss,
                   diagnose(model_, step_batch()), advice));
}

}  // namespace moesim
