// What is learned from a data set: how its batches become input and targets.
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
  Indices targets;                    // per row of the logits; negative: no loss there
  std::vector<std::int32_t> domains;  // per position of the input; empty if the data has none
  std::vector<std::int32_t> target_domains;  // per row of the logits
};

// What the rows of a batch are: rows first, first + 1, ... of the `rows` sequences of one training
// step, or of one evaluation, whose number 0, 1, ... names the same sequence in every evaluation.
struct Drawn {
  Split split = Split::train;
  std::uint64_t seed = 0;
  index step = 0;  // of training
  index first = 0, rows = 0;
};

// How many targets there are in a batch: those that are not negative.
index count_targets(const Batch& batch);

class Task {
 public:
  virtual ~Task() = default;
  virtual ModelShape shape() const = 0;
  // Chooses what is to be predicted, and hides it. A row becomes the same whatever batch it is in.
  virtual Batch pose(Batch batch, const Drawn&) const { return batch; }
  // Input and targets on a device, of a batch that was posed.
  virtual Example prepare(const Batch& batch, Backend& backend) const = 0;
};

// The task that `name` of these options ([task]) asks for: causal_lm, masked_lm or classification.
// `info` must outlive it. Throws Exit::usage if the task cannot be learned from such data.
std::unique_ptr<Task> make_task(Options& options, const DatasetInfo& info);
std::vector<std::pair<std::string, std::string>> task_summaries();

}  // namespace moesim
