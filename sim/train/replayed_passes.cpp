#include "sim/train/replayed_passes.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/out_of_memory.hpp"
#include "sim/train/gradient_tree.hpp"

#include <algorithm>
#include <utility>

namespace moesim {
namespace {

// Allocates device buffers for examples like this one.
Example room_for(const Example& like) {
  Backend& backend = like.targets.backend();
  Example room;
  room.input.batch = like.input.batch, room.input.length = like.input.length;
  if (like.input.ids) room.input.ids = Indices::empty(like.input.ids.size(), backend);
  if (like.input.domains) room.input.domains = Indices::empty(like.input.domains.size(), backend);
  if (like.input.features)
    room.input.features = Tensor::empty(like.input.features.shape(), backend);
  room.targets = Indices::empty(like.targets.size(), backend);
  return room;
}

// True if two examples have equal shapes; reads no values.
bool fits(const Example& room, const Example& example) {
  const ModelInput &a = room.input, &b = example.input;
  return a.batch == b.batch && a.length == b.length && a.ids.size() == b.ids.size() &&
         a.domains.size() == b.domains.size() &&
         static_cast<bool>(a.features) == static_cast<bool>(b.features) &&
         (!a.features || a.features.shape() == b.features.shape()) &&
         room.targets.size() == example.targets.size();
}

void copy(const Indices& from, const Indices& to) {
  if (from.size() > 0)
    from.backend().copy(to.data(), from.data(),
                        static_cast<std::size_t>(from.size()) * sizeof(std::int32_t));
}

bool is_timed() { return Profile::current() != nullptr && Profile::current()->is_timed(); }

}  // namespace

ReplayedPasses::ReplayedPasses(Transformer& model, Backend& backend, index domains,
                               std::unique_ptr<Replay> replay)
    : model_(model),
      backend_(backend),
      parameters_(model.parameters()),
      replay_(std::move(replay)),
      eager_(model, backend, domains) {}

StepOutcome ReplayedPasses::run(const StepBatch& batch, Watch watch) {
  const bool watched = watch.routing || watch.trace;
  const bool wanted = !watched && !is_timed() && may_replay();
  if (const auto* losses = wanted ? replay_step(batch) : nullptr) {
    StepOutcome outcome;
    for (const PassLosses& part : *losses) outcome.losses.add(part, batch.parts());
    return outcome;
  }
  try {
    return eager_.run(batch, watch);
  } catch (const Error& error) {
    if (!is_out_of_memory(error) || staged_.empty()) throw;
    give_up();  // its memory may suffice
    return eager_.run(batch, watch);
  }
}

const std::vector<PassLosses>* ReplayedPasses::replay_step(const StepBatch& batch) {
  std::vector<MicroBatch> parts;
  for (index part = 0; part < batch.parts(); ++part) parts.push_back(batch.micro_batch(part));
  if (!stage(parts)) return nullptr;
  const bool replayed = replay_->run([&] {
    // Every round finds the gradient buffers of the previous one; nothing else uses them.
    place_gradients();
    losses_.clear(), gradients_.clear();
    model_.begin_step(backend_);
    // A copy, because Indices cache the values that the host has read.
    std::vector<MicroBatch> staged = staged_;
    count_whole_step(model_, batch.parts(),
                     [&](index part) { return staged[static_cast<std::size_t>(part)]; });
    sum_gradients(parameters_, batch.parts(), [&](index part) {
      losses_.push_back(run_pass(model_, staged[static_cast<std::size_t>(part)]));
    });
    for (const Parameter& p : parameters_) gradients_.push_back(p.value.gradient());
  });
  if (replayed) {
    ++replayed_;
    place_gradients();
  }
  return &losses_;
}

bool ReplayedPasses::stage(const std::vector<MicroBatch>& parts) {
  if (staged_.empty()) {
    steps_ = Indices::empty(static_cast<index>(parts.size()), backend_);
    for (const MicroBatch& part : parts) {
      staged_.push_back(part);
      staged_.back().example = room_for(part.example);
    }
  }
  const auto same = [](const MicroBatch& a, const MicroBatch& b) {
    return a.targets == b.targets && fits(a.example, b.example);
  };
  if (!std::equal(staged_.begin(), staged_.end(), parts.begin(), parts.end(), same)) return false;
  std::vector<std::int32_t> steps;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Example &from = parts[i].example, &to = staged_[i].example;
    steps.push_back(static_cast<std::int32_t>(parts[i].context.step));
    staged_[i].context = parts[i].context;
    staged_[i].context.step_at = steps_.data() + i;
    copy(from.input.ids, to.input.ids);
    copy(from.input.domains, to.input.domains);
    copy(from.targets, to.targets);
    const Tensor& features = from.input.features;
    if (features)
      features.backend().copy(to.input.features.data(), features.data(),
                              static_cast<std::size_t>(features.size()) * sizeof(real));
  }
  backend_.copy_from_host(steps_.data(), steps.data(), steps.size() * sizeof(std::int32_t));
  return true;
}

void ReplayedPasses::place_gradients() {
  for (std::size_t i = 0; i < gradients_.size(); ++i)
    parameters_[i].value.set_gradient(gradients_[i]);
}

void ReplayedPasses::give_up() {
  losses_.clear(), gradients_.clear(), staged_.clear();
  steps_ = {};
  replay_ = nullptr;
  out_of_memory_ = "out of device memory while capturing";
}

std::string ReplayedPasses::replay() const {
  if (!may_replay()) return refusal();
  return replayed_ > 0 ? "replayed" : "fewer than three identical steps";
}

}  // namespace moesim
