// Task turns the batches of a data set into model input and targets.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/model/transformer.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct Example {
  ModelInput input;
  Indices targets;                    // per row of the logits; negative: no loss for this row
  std::vector<std::int32_t> domains;  // per position of the input; empty if the data has none
  std::vector<std::int32_t> target_domains;  // per row of the logits
};

// Drawn identifies the rows of a batch: rows first, first + 1, ... of the `rows` sequences of a
// training step, or of an evaluation, in which a number always denotes the same sequence.
struct Drawn {
  Split split = Split::train;
  std::uint64_t seed = 0;
  index step = 0;  // of training
  index first = 0, rows = 0;
};

// Number of targets of a batch that are not negative.
index count_targets(const Batch& batch);

class Task {
 public:
  virtual ~Task() = default;
  virtual ModelShape shape() const = 0;
  // Chooses the positions to predict, and masks them. The result for a row does not depend on the
  // rest of the batch.
  virtual Batch pose(Batch batch, const Drawn&) const { return batch; }
  // Copies input and targets of a posed batch to the device.
  virtual Example prepare(const Batch& batch, Backend& backend) const = 0;
};

// Makes the task `name` of [task]: causal_lm, masked_lm or classification. `info` must outlive it.
// Throws Exit::usage if the data do not suit the task.
std::unique_ptr<Task> make_task(Options& options, const DatasetInfo& info);
std::vector<std::pair<std::string, std::string>> task_summaries();

}  // namespace moesim
