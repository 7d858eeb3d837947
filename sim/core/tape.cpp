#include "sim/core/tape.hpp"

#include "sim/core/device.hpp"
#include "sim/core/error.hpp"

#include <utility>

namespace moesim {
namespace {

thread_local Tape* current_tape = nullptr;

}  // namespace

GradientSlot GradientSlot::of(const Tensor& tensor) {
  if (!tensor.wants_gradient()) return {};
  Tensor::Body& body = *tensor.body_;
  const bool filled = std::exchange(body.filled, true);
  if (!body.gradient || body.gradient.shared()) {
    Device& device = body.values.device();
    const Storage own = device.allocate(body.values.bytes());
    if (filled) device.copy(own.data(), body.gradient.data(), own.bytes());
    body.gradient = own;
  }
  return {static_cast<real*>(body.gradient.data()), filled};
}

void pass_gradient(const Tensor& tensor, const Tensor& dy) {
  if (!tensor.wants_gradient()) return;
  if (tensor.has_gradient()) {
    dy.device().axpy(1, dy.data(), gradient_slot(tensor).p, dy.size());
    return;
  }
  tensor.body_->gradient = dy.body_->values;
  tensor.body_->filled = true;
}

Tensor writable(const Tensor& dy) {
  if (!dy.body_->values.shared()) return dy;
  Tensor own = Tensor::empty(dy.shape(), dy.device());
  dy.device().copy(own.data(), dy.data(), dy.body_->values.bytes());
  return own;
}

Tape* Tape::current() { return current_tape; }

Tape::Scope::Scope(Tape* tape) : previous_(std::exchange(current_tape, tape)) {}
Tape::Scope::~Scope() { current_tape = previous_; }

void Tape::add(const Tensor& y, PullBack pull_back) {
  if (inspect) inspect(y);
  entries_.push_back({y, std::move(pull_back), current_part()});
}

void Tape::backward(const Tensor& root, const Tensor& seed) {
  const std::vector<std::pair<Tensor, Tensor>> roots{{root, seed}};
  backward(roots);
}

void Tape::backward(const std::vector<std::pair<Tensor, Tensor>>& roots) {
  for (const auto& [root, seed] : roots) {
    const GradientSlot slot = gradient_slot(root);
    if (!slot) continue;  // it depends on no differentiable tensor
    Device& device = root.device();
    if (!seed) {
      if (slot.accumulate) fail_in("backward", "one root was given twice without a seed");
      device.fill(slot.p, root.size(), 1);
    } else if (slot.accumulate) {
      device.axpy(1, seed.data(), slot.p, root.size());
    } else {
      device.copy(slot.p, seed.data(), static_cast<std::size_t>(root.size()) * sizeof(real));
    }
  }
  // Pull-backs are not differentiated themselves: recording is off.
  const Scope off(nullptr);
  Span span(current_part());
  while (!entries_.empty()) {
    Entry entry = std::move(entries_.back());
    entries_.pop_back();
    if (!entry.y.has_gradient()) continue;
    span.become(entry.part);
    const Tensor dy = entry.y.gradient();
    entry.y.drop_gradient();
    within([&] { return "backward from tensor " + dy.shape().to_string(); },
           [&] { entry.pull_back(dy); });
  }
}

bool is_recorded(std::span<const Tensor> inputs) {
  const Tape* tape = Tape::current();
  if (tape == nullptr || !tape->recording) return false;
  for (const Tensor& input : inputs)
    if (input.wants_gradient()) return true;
  return false;
}

void record(const Tensor& y, std::span<const Tensor> inputs, Tape::PullBack pull_back) {
  if (!is_recorded(inputs)) return;
  y.set_wants_gradient(true);
  Tape::current()->add(y, std::move(pull_back));
}

Journal* current_journal() {
  const Tape* tape = Tape::current();
  return tape == nullptr ? nullptr : tape->journal;
}

namespace {

template <class T>
T through(std::vector<T>& kept, std::size_t& next, Journal::Mode mode, T fresh) {
  if (mode == Journal::Mode::write) {
    kept.push_back(fresh);
    return fresh;
  }
  if (next >= kept.size())
    fail_in("Journal", "the replayed pass makes other choices than the logged one");
  return kept[next++];
}

}  // namespace

Indices journaled(Indices fresh) {
  Journal* journal = current_journal();
  if (journal == nullptr) return fresh;
  return through(journal->indices, journal->next_indices, journal->mode, std::move(fresh));
}

Tensor journaled(Tensor fresh) {
  Journal* journal = current_journal();
  if (journal == nullptr || !journal->stops_values) return fresh;
  // A copy: the memory behind `fresh` may be a parameter that the next pass moves.
  if (journal->mode == Journal::Mode::write)
    fresh = Tensor::of(fresh.shape(), fresh.to_host(), fresh.device());
  return through(journal->values, journal->next_values, journal->mode, std::move(fresh));
}

}  // namespace moesim
