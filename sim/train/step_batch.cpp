#include "sim/train/step_batch.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {

StepBatch::Size StepBatch::read(Settings& settings) {
  Options train(settings, "train");
  const index batch = train.integer("batch", 16, {1, 1 << 20}, "sequences per step");
  const index accumulate =
      train.integer("accumulate", 1, {1, 1 << 20}, "micro-batches that make up a step");
  if (batch % accumulate != 0)
    train.reject("accumulate", "does not divide train.batch = " + std::to_string(batch));
  const double z_weight =
      train.number("z_weight", 0, {0, 1e6}, "weight of the z-loss of the model's logits");
  return {batch, accumulate, static_cast<real>(z_weight)};
}

StepBatch::StepBatch(const Dataset& data, const Task& task, Backend& backend, std::uint64_t seed,
                     Size size, const Position& position)
    : task_(task),
      backend_(backend),
      seed_(seed),
      size_(size),
      step_(position.step),
      batch_(task.pose(
          data.batch(Split::train, seed, step_ + position.skipped_batches, size.sequences),
          {Split::train, seed, step_, 0, size.sequences})),
      targets_(count_targets(batch_)) {
  if (targets_ == 0)
    fail(Exit::data, fmt::format("step {}: nothing to predict in {} sequences of {} positions; "
                                 "raise train.batch or data.length",
                                 step_, size.sequences, batch_.length));
}

MicroBatch StepBatch::micro_batch(index part) const {
  const Batch rows = rows_of(batch_, part * size_.each(), size_.each());
  MicroBatch micro{.example = task_.prepare(rows, backend_),
                   .context = {.training = true, .seed = seed_, .step = step_ * size_.parts + part},
                   .targets = targets_,
                   .parts = size_.parts,
                   .z_weight = size_.z_weight};
  if (teacher_ == nullptr) return micro;
  micro.teacher = (*teacher_)(rows, micro.context.step);
  micro.teacher_weight = static_cast<real>(distillation_->weight);
  micro.temperature = static_cast<real>(distillation_->temperature);
  return micro;
}

}  // namespace moesim
