// The passes of training steps on a device that replays them (Backend::replay).
//
// A replay runs no host code. Examples and the number of the step, which random numbers depend on,
// are copied into the buffers that the recorded passes read; losses, gradients and routings appear
// in the buffers that they write.
#pragma once

#include "sim/model/transformer.hpp"
#include "sim/task/task.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace moesim {

// Losses of the passes through a micro-batch, which nobody has read yet.
struct PassLosses {
  Tensor task;
  std::vector<Loss> aux;
};

class StepReplay {
 public:
  // A micro-batch and the step (Context::step) that its random numbers are of.
  struct MicroBatch {
    Example example;
    index targets = 0;  // of the whole step
    index step = 0;
    const std::int32_t* step_at = nullptr;  // where passes find the step
  };
  // Forward and backward through the micro-batches of a step.
  using Passes = std::function<std::vector<PassLosses>(const std::vector<MicroBatch>&)>;

  // Null where steps are not replayed: by this device, or with these routers.
  static std::unique_ptr<StepReplay> make(Transformer& model, Backend& backend);

  // Passes through these parts, called or replayed. Null: it does not take them, because their
  // shapes or the step's number of targets are not those of the first ones, or takes none.
  const std::vector<PassLosses>* run(const std::vector<MicroBatch>& parts, const Passes& passes);

  // Why steps are not replayed, or "".
  const std::string& refusal() const {
    return out_of_memory_.empty() ? replay_->refusal() : out_of_memory_;
  }
  // Parameters have their gradients where replays write them: for the end of a step that ran
  // without a replay, whose own gradients take memory that is free then.
  void hand_back_gradients();
  // Frees what it holds, and takes no more examples.
  void give_up();
  index replayed() const { return replayed_; }  // steps

 private:
  StepReplay(Transformer& model, Backend& backend, std::unique_ptr<Replay> replay);
  bool stage(const std::vector<MicroBatch>& parts);

  Backend& backend_;
  std::vector<Parameter> parameters_;
  std::unique_ptr<Replay> replay_;
  std::string out_of_memory_;
  index replayed_ = 0;
  std::vector<MicroBatch> staged_;
  Indices steps_;  // of the staged parts
  // Of the passes that were called last.
  std::vector<PassLosses> losses_;
  std::vector<Tensor> gradients_;
};

}  // namespace moesim
