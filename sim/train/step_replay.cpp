#include "sim/train/step_replay.hpp"

#include "sim/backend/backend.hpp"
#include "sim/train/trainer.hpp"

#include <algorithm>
#include <utility>

namespace moesim {
namespace {

// Room for the device's part of an example like this one.
Example room_for(const Example& like) {
  Backend& backend = like.targets.backend();
  Example room;
  room.input.batch = like.input.batch, room.input.length = like.input.length;
  if (like.input.ids) room.input.ids = Indices::empty(like.input.ids.size(), backend);
  if (like.input.features)
    room.input.features = Tensor::empty(like.input.features.shape(), backend);
  room.targets = Indices::empty(like.targets.size(), backend);
  return room;
}

// All that passes know of an example without looking at its values.
bool fits(const Example& room, const Example& example) {
  const ModelInput &a = room.input, &b = example.input;
  return a.batch == b.batch && a.length == b.length && a.ids.size() == b.ids.size() &&
         static_cast<bool>(a.features) == static_cast<bool>(b.features) &&
         (!a.features || a.features.shape() == b.features.shape()) &&
         room.targets.size() == example.targets.size();
}

void copy(const Indices& from, const Indices& to) {
  if (from.size() > 0)
    from.backend().copy(to.data(), from.data(),
                        static_cast<std::size_t>(from.size()) * sizeof(std::int32_t));
}

}  // namespace

std::unique_ptr<StepReplay> StepReplay::make(Transformer& model, Backend& backend) {
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i)
    if (!model.moe_layer(i).router().traits().capturable) return nullptr;
  std::unique_ptr<Replay> replay = backend.replay();
  if (!replay) return nullptr;
  return std::unique_ptr<StepReplay>(new StepReplay(model, backend, std::move(replay)));
}

StepReplay::StepReplay(Transformer& model, Backend& backend, std::unique_ptr<Replay> replay)
    : backend_(backend), parameters_(model.parameters()), replay_(std::move(replay)) {}

bool StepReplay::stage(const std::vector<MicroBatch>& parts) {
  if (staged_.empty()) {
    steps_ = Indices::empty(static_cast<index>(parts.size()), backend_);
    for (const MicroBatch& part : parts)
      staged_.push_back({room_for(part.example), part.targets, 0, steps_.data() + staged_.size()});
  }
  const auto same = [](const MicroBatch& a, const MicroBatch& b) {
    return a.targets == b.targets && fits(a.example, b.example);
  };
  if (!std::equal(staged_.begin(), staged_.end(), parts.begin(), parts.end(), same)) return false;
  std::vector<std::int32_t> steps;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Example &from = parts[i].example, &to = staged_[i].example;
    steps.push_back(static_cast<std::int32_t>(parts[i].step));
    copy(from.input.ids, to.input.ids);
    copy(from.targets, to.targets);
    const Tensor& features = from.input.features;
    if (features)
      features.backend().copy(to.input.features.data(), features.data(),
                              static_cast<std::size_t>(features.size()) * sizeof(real));
  }
  backend_.copy_from_host(steps_.data(), steps.data(), steps.size() * sizeof(std::int32_t));
  return true;
}

void StepReplay::give_up() {
  losses_.clear(), gradients_.clear(), staged_.clear();
  out_of_memory_ = "out of device memory while capturing";
}

void StepReplay::hand_back_gradients() {
  for (std::size_t i = 0; i < gradients_.size(); ++i)
    parameters_[i].value.set_gradient(gradients_[i]);
}

const std::vector<PassLosses>* StepReplay::run(const std::vector<MicroBatch>& parts,
                                               const Passes& passes) {
  if (!stage(parts)) return nullptr;
  const bool replayed = replay_->run([&] {
    // Every round finds gradients where the round before had them, and nobody else has any.
    hand_back_gradients();
    losses_.clear(), gradients_.clear();
    // Copies, because indices remember what the host once saw of them.
    losses_ = passes(std::vector<MicroBatch>(staged_));
    for (const Parameter& p : parameters_) gradients_.push_back(p.value.gradient());
  });
  if (replayed) {
    ++replayed_;
    hand_back_gradients();
  }
  return &losses_;
}

// Null: they are for train_step to do.
const std::vector<PassLosses>* Trainer::replay_passes(const StepBatch& batch) {
  if (!replay_->refusal().empty()) return nullptr;
  std::vector<StepReplay::MicroBatch> parts;
  for (index part = 0; part < accumulate_; ++part)
    parts.push_back({example_of(batch, part), batch.targets, training_context(part).step});
  return replay_->run(parts, [this](const std::vector<StepReplay::MicroBatch>& staged) {
    for (const Parameter& p : parameters_) p.value.clear_gradient();
    model_.begin_step(backend_);
    std::vector<PassLosses> losses;
    for (index part = 0; part < accumulate_; ++part) {
      const StepReplay::MicroBatch& at = staged[static_cast<std::size_t>(part)];
      Context context = training_context(part);
      context.step_at = at.step_at;
      losses.push_back(pass(at.example, at.targets, context));
    }
    return losses;
  });
}

std::string Trainer::replay() const {
  if (!backend_.replay()) return "";
  if (!graphs_) return "run.graphs = off";
  if (!replay_) return "the router's work may change from step to step";
  if (!replay_->refusal().empty()) return replay_->refusal();
  return replay_->replayed() > 0 ? "replayed" : "fewer than three identical steps";
}

}  // namespace moesim
