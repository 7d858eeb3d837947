// StepBatch is the sequences of one training step, cut into micro-batches.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/nn/context.hpp"
#include "sim/task/task.hpp"
#include "sim/train/distillation.hpp"
#include "sim/train/hook.hpp"

namespace moesim {

// MicroBatch is the input of one forward and backward pass.
struct MicroBatch {
  Example example;
  Context context;
  index targets = 0;    // of the whole step: the task loss is the mean over them
  index parts = 1;      // of the whole step: auxiliary losses are means over its micro-batches
  double z_weight = 0;  // of the z-loss of the model's logits
  // Distillation: the teacher's logits (empty: none), its weight and temperature.
  Tensor teacher = {};
  double teacher_weight = 0, temperature = 1;
};

class StepBatch {
 public:
  // B sequences in M parts; part i has sequences i·B/M to (i + 1)·B/M - 1.
  struct Size {
    index sequences = 0, parts = 1;
    double z_weight = 0;  // MicroBatch::z_weight
    index each() const { return sequences / parts; }
  };
  // Reads batch, accumulate and z_weight of [train].
  static Size read(Settings& settings);

  // The batch of the step at `position`: a function of (seed, step, skipped batches). Throws
  // Exit::data if it has no targets.
  StepBatch(const Dataset& data, const Task& task, Backend& backend, std::uint64_t seed, Size size,
            const Position& position);
  // Micro-batches have the logits of a teacher from now on.
  void distil(const Distillation& how, const Teacher& teacher) {
    distillation_ = &how, teacher_ = &teacher;
  }

  index parts() const { return size_.parts; }
  // Copies this part to the device.
  MicroBatch micro_batch(index part) const;

 private:
  const Task& task_;
  Backend& backend_;
  std::uint64_t seed_;
  Size size_;
  index step_;
  Batch batch_;
  index targets_;
  const Distillation* distillation_ = nullptr;
  const Teacher* teacher_ = nullptr;
};

}  // namespace moesim
