// Replayed passes record a step's kernels once and replay them from then on (sim/core/replay.hpp).
//
// A replay runs no host code. Examples and the number of the step, which random numbers depend on,
// are copied into the buffers that the recorded passes read; losses, gradients and the loads of the
// routers appear in the buffers that they write.
#pragma once

#include "sim/core/replay.hpp"
#include "sim/train/eager_passes.hpp"

#include <memory>
#include <string>
#include <vector>

namespace moesim {

class ReplayedPasses : public Passes {
 public:
  ReplayedPasses(Transformer& model, Backend& backend, index domains,
                 std::unique_ptr<Replay> replay);

  // Eager where a replay would not do: for a measured or timed step, whose routings and times do
  // not come out of a replay, and for one of other shapes or another number of targets than the
  // first. If the device's memory does not suffice for that, the recorded passes are given up.
  StepOutcome run(const StepBatch& batch, bool measured) override;
  // Those of an eager step are elsewhere than replays write theirs: that memory is free then.
  void release_gradients() override { place_gradients(); }

  std::string replay() const override;
  bool may_replay() const override { return refusal().empty(); }
  index replayed_steps() const override { return replayed_; }

 private:
  // Null: the staged buffers do not fit this batch.
  const std::vector<PassLosses>* replay_step(const StepBatch& batch);
  bool stage(const std::vector<MicroBatch>& parts);
  // Gives the parameters the gradients that replays write.
  void place_gradients();
  void give_up();
  const std::string& refusal() const {
    return out_of_memory_.empty() ? replay_->refusal() : out_of_memory_;
  }

  Transformer& model_;
  Backend& backend_;
  std::vector<Parameter> parameters_;
  std::unique_ptr<Replay> replay_;
  EagerPasses eager_;
  std::string out_of_memory_;
  index replayed_ = 0;  // steps
  std::vector<MicroBatch> staged_;
  Indices steps_;  // Context::step of the staged parts
  // Of the passes that were called last.
  std::vector<PassLosses> losses_;
  std::vector<Tensor> gradients_;
};

}  // namespace moesim
