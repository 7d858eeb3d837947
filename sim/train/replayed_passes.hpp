// ReplayedPasses records a step's kernels once and replays them from then on (sim/core/replay.hpp).
//
// A replay runs no host code. Examples and the step number (for random numbers) are copied into the
// buffers that the recorded passes read; losses, gradients and router loads appear in the buffers
// that they write.
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

  // Runs eagerly if a replay is impossible: for a watched or timed step, because a replay yields
  // no routings and times, and for a step whose shapes or number of targets differ from the first.
  // If device memory does not suffice for that, the recorded passes are released.
  StepOutcome run(const StepBatch& batch, Watch watch) override;
  // Frees the gradients of an eager step, which are not in the buffers of the replays.
  void release_gradients() override { place_gradients(); }

  std::string replay() const override;
  bool may_replay() const override { return refusal().empty(); }
  index replayed_steps() const override { return replayed_; }

 private:
  // Null: the batch does not fit the staged buffers.
  const std::vector<PassLosses>* replay_step(const StepBatch& batch);
  bool stage(const std::vector<MicroBatch>& parts);
  // Points the parameters' gradients at the buffers that replays write.
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
  index replayed_ = 0;  // number of replayed steps
  std::vector<MicroBatch> staged_;
  Indices steps_;  // Context::step of the staged parts
  // Results of the last passes that ran on the host.
  std::vector<PassLosses> losses_;
  std::vector<Tensor> gradients_;
};

}  // namespace moesim
