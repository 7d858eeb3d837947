#include "sim/train/trainer.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"
#include "sim/train/routing_monitor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace moesim {
namespace {

constexpr index kMany = 1ll << 40;

struct BatchSize {
  index micro, accumulate;
};

BatchSize read_batch(Settings& settings) {
  Options train(settings, "train");
  const index batch = train.integer("batch", 16, {1, 1 << 20}, "sequences per step");
  const index accumulate =
      train.integer("accumulate", 1, {1, 1 << 20}, "micro-batches that make up a step");
  if (batch % accumulate != 0)
    train.reject("accumulate", "does not divide train.batch = " + std::to_string(batch));
  return {batch / accumulate, accumulate};
}

index read_steps(Settings& settings) {
  return Options(settings, "run").integer("steps", 300, {1, kMany}, "optimiser steps");
}

Schedule read_schedule(Settings& settings) {
  Options train(settings, "train");
  return {train, read_steps(settings)};
}

void add(std::vector<std::pair<std::string, double>>& sums, const std::string& name, double value) {
  for (auto& [known, sum] : sums)
    if (known == name) {
      sum += value;
      return;
    }
  sums.emplace_back(name, value);
}

// Adds the losses of one of `parts` micro-batches: its share of the task loss, which is a mean over
// the targets of the whole step, and of the mean of auxiliary losses over micro-batches, which have
// equally many tokens. One copy from the device.
void add(const PassLosses& losses, index parts, StepReport& report) {
  const Tensor all =
      Tensor::empty({1 + static_cast<index>(losses.aux.size())}, losses.task.backend());
  real* to = all.data();
  const auto take = [&](const Tensor& loss) {
    loss.backend().copy(to++, loss.data(), sizeof(real));
  };
  take(losses.task);
  for (const Loss& loss : losses.aux) take(loss.value);
  const std::vector<real> values = all.to_host();
  const auto mean = static_cast<double>(parts);
  report.task_loss += static_cast<double>(values[0]);
  for (std::size_t i = 0; i < losses.aux.size(); ++i)
    add(report.aux, losses.aux[i].name,
        static_cast<double>(losses.aux[i].weight) * static_cast<double>(values[i + 1]) / mean);
}

}  // namespace

index Trainer::micro_batch(Settings& settings) { return read_batch(settings).micro; }

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
  const BatchSize batch = read_batch(settings);
  micro_ = batch.micro, accumulate_ = batch.accumulate;
  Options train(settings, "train");
  clip_ = train.number("clip", 1, {0, 1e30}, "largest gradient norm; 0: no limit");
  const std::string policy = train.choice(
      "not_finite", "stop", {"stop", "skip", "rewind"},
      "a step whose loss or gradient is not finite: ends the run, makes no update, or sends it "
      "back to a checkpoint and on with other batches");
  not_finite_ = policy == "skip"     ? NotFinite::skip
                : policy == "rewind" ? NotFinite::rewind
                                     : NotFinite::stop;
  not_finite_limit_ =
      train.integer("not_finite_limit", 10, {1, kMany}, "such steps that a run survives");
  graphs_ =
      Options(settings, "run")
          .choice("graphs", "auto", {"auto", "off"},
                  "auto: on a card, a step that asks for the same work every time is captured "
                  "as a CUDA graph and replayed; to the same bits") == "auto";
  optimiser_ = make_optimiser(train, parameters_);
}

void Trainer::start() {
  initialise(parameters_, backend_, seed_);
  initialise(model_.buffers(), backend_, seed_);
  replay_ = graphs_ ? StepReplay::make(model_, backend_) : nullptr;
}

std::vector<NamedTensor> Trainer::state() {
  std::vector<NamedTensor> all = optimiser_->state();
  for (const Parameter& buffer : model_.buffers())
    all.push_back({"buffer." + buffer.name, buffer.value});
  return all;
}

std::vector<std::pair<std::string, Shape>> Trainer::shapes_of_state() const {
  std::vector<std::pair<std::string, Shape>> all;
  for (const std::string& kind : optimiser_->kinds_of_state())
    for (const Parameter& p : parameters_) all.emplace_back(kind + p.name, p.value.shape());
  for (const Parameter& buffer : model_.buffers())
    all.emplace_back("buffer." + buffer.name, buffer.value.shape());
  return all;
}

void Trainer::resume(const Position& position, index updates) {
  position_ = position;
  optimiser_->set_updates(updates);
  replay_ = graphs_ ? StepReplay::make(model_, backend_) : nullptr;
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
          [&] { return "evaluation at step " + std::to_string(position_.step); },
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

Context Trainer::training_context(index part) const {
  return {.training = true,
          .seed = seed_,
          .step = position_.step * accumulate_ + part,
          .layer = 0,
          .on_routing = {},
          .given = {}};
}

Trainer::StepBatch Trainer::step_batch() const {
  const index rows = micro_ * accumulate_;
  StepBatch step{
      task_.pose(data_.batch(Split::train, seed_, position_.step + position_.skipped_batches, rows),
                 {Split::train, seed_, position_.step, 0, rows}),
      0};
  step.targets = count_targets(step.batch);
  if (step.targets == 0)
    fail(Exit::data, fmt::format("step {}: nothing to predict in {} sequences of {} positions; "
                                 "raise train.batch or data.length",
                                 position_.step, rows, step.batch.length));
  return step;
}

Example Trainer::example_of(const StepBatch& step, index part) const {
  return task_.prepare(rows_of(step.batch, part * micro_, micro_), backend_);
}

// Forward and backward.
PassLosses Trainer::pass(const Example& example, index targets, Context& context) {
  Tape tape;
  const Tape::Scope scope(&tape);
  PassLosses losses;
  const Tensor logits = model_.forward(example.input, context, losses.aux);
  {
    const Span span(Part::head);
    losses.task = cross_entropy(logits, example.targets, targets);
  }
  const real share = real(1) / static_cast<real>(accumulate_);
  std::vector<std::pair<Tensor, Tensor>> roots{{losses.task, Tensor::full({1}, 1, backend_)}};
  for (const Loss& loss : losses.aux)
    roots.emplace_back(loss.value, Tensor::full({1}, share * loss.weight, backend_));
  tape.backward(roots);
  return losses;
}

StepReport Trainer::train_step(const std::vector<Hook*>& hooks) {
  const index step = position_.step;
  const auto begin = std::chrono::steady_clock::now();
  bool measured = false;
  for (const Hook* hook : hooks) measured = measured || hook->wants_routing(step);

  StepReport report;
  report.step = step, report.steps = steps_, report.rate = schedule_.rate(step);
  const auto domains = static_cast<index>(data_.info().domains.size());
  std::optional<RoutingMonitor> monitor;
  const StepBatch batch = step_batch();
  const auto ask = [&] {
    report.task_loss = 0, report.aux.clear();
    monitor.emplace(model_, backend_, domains);
    for (const Parameter& p : parameters_) p.value.clear_gradient();
    for (index part = 0; part < accumulate_; ++part) {
      Context context = training_context(part);
      const Example example = example_of(batch, part);
      if (measured) monitor->attach(context, example);
      const PassLosses losses = pass(example, batch.targets, context);
      // Losses are read only after all work is queued: reading synchronises with the device.
      add(losses, accumulate_, report);
      monitor->collect();
    }
  };
  // Neither routings nor the times of parts come out of a replay.
  const bool timed = Profile::current() != nullptr && Profile::current()->is_timed();
  const auto here = [&] { return "step " + std::to_string(step); };
  within(here, [&] {
    if (const auto* replayed = replay_ && !measured && !timed ? replay_passes(batch) : nullptr) {
      for (const PassLosses& losses : *replayed) add(losses, accumulate_, report);
      return;
    }
    try {
      ask();
    } catch (const Error&) {
      if (!may_replay()) throw;
      replay_->give_up();  // what it holds may be what is missing
      ask();
    }
  });
  report.loss = report.task_loss;
  for (const auto& [name, value] : report.aux) report.loss += value;
  const Span updating(Part::optimiser);
  report.gradient_norm = within(here, [&] { return gradient_norm(parameters_); });
  if (std::isfinite(report.loss) && std::isfinite(report.gradient_norm)) {
    const double scale =
        clip_ > 0 && report.gradient_norm > clip_ ? clip_ / report.gradient_norm : 1;
    within(here, [&] { optimiser_->step(report.rate, scale); });
    model_.after_step();
  } else {
    meet_not_finite("training in", report.loss);
  }
  if (replay_) replay_->hand_back_gradients();

  report.tokens = (step + 1) * accumulate_ * micro_ * data_.info().length;
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  if (measured) {
    const Span span(Part::recording);
    for (Hook* hook : hooks)
      if (hook->wants_routing(step)) hook->on_routing(step, monitor->layers(), monitor->plan());
  }
  return report;
}

}  // namespace moesim
