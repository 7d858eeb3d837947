// What is learned from a data set: how its batches become input and targets.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"
#include "sim/nn/transformer.hpp"

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
  index counted_targets = -1;                // that are not negative; -1: nobody has counted
};

class Task {
 public:
  virtual ~Task() = default;
  virtual ModelShape shape() const = 0;
  virtual Example prepare(const Batch& batch, const Context& context, Backend& backend) const = 0;
};

// The task that `name` of these options ([task]) asks for: causal_lm, masked_lm or classification.
// `info` must outlive it. Throws Exit::usage if the task cannot be learned from such data.
std::unique_ptr<Task> make_task(Options& options, const DatasetInfo& info);
std::vector<std::pair<std::string, std::string>> task_summaries();

}  // namespace moesim
