// Tape records ops for reverse-mode differentiation: an eager list of closures, one per coarse op.
//
// An op computes its output and calls record(y, {inputs}, pull_back). The pull-back (backward
// function) gets dL/dy and adds to the gradients of the inputs through gradient_slot(). Routers are
// made of ops and contain no backward code.
#pragma once

#include "sim/core/profile.hpp"
#include "sim/core/tensor.hpp"

#include <functional>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace moesim {

// GradientSlot is the destination of an input's gradient: null if the input needs none, else p,
// which the pull-back adds to if `accumulate` and overwrites otherwise (its values are undefined).
struct GradientSlot {
  real* p = nullptr;
  bool accumulate = false;
  explicit operator bool() const { return p != nullptr; }
  static GradientSlot of(const Tensor& tensor);
};
inline GradientSlot gradient_slot(const Tensor& tensor) { return GradientSlot::of(tensor); }
// Passes dL/d(tensor) = dy: shares dy's memory if the tensor has no gradient yet, else adds. A
// shared gradient is copied before it is written (gradient_slot, writable).
void pass_gradient(const Tensor& tensor, const Tensor& dy);
// dy for a pull-back that works in its memory: dy itself, or a copy if it is shared.
Tensor writable(const Tensor& dy);

// Journal is a log of discrete choices (chosen indices, stopped values) of one forward pass. Later
// passes replay it, so that central differences evaluate the function that was differentiated.
struct Journal {
  enum class Mode { write, replay };
  Mode mode = Mode::write;
  bool stops_values = true;  // false: a replay computes stopped values anew
  std::vector<Indices> indices;
  std::vector<Tensor> values;
  std::size_t next_indices = 0, next_values = 0;
  void rewind() {
    mode = Mode::replay;
    next_indices = next_values = 0;
  }
};

class Tape {
 public:
  using PullBack = std::function<void(const Tensor& dy)>;

  // The tape of this thread; null: nothing is recorded.
  static Tape* current();

  // Makes a tape current for its lifetime; a null tape disables recording.
  class Scope {
   public:
    explicit Scope(Tape* tape);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Tape* previous_;
  };

  void add(const Tensor& y, PullBack pull_back);
  // Propagates d(root) = seed (ones if empty) to every tensor that requires a gradient, and clears
  // the tape.
  void backward(const Tensor& root, const Tensor& seed = {});
  // Several roots at once, each with its own seed.
  void backward(const std::vector<std::pair<Tensor, Tensor>>& roots);
  std::size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }

  // Called with every recorded output, in forward order.
  std::function<void(const Tensor& y)> inspect;
  Journal* journal = nullptr;
  bool recording = true;  // false: only the journal is in use

 private:
  struct Entry {
    Tensor y;
    PullBack pull_back;
    Part part;  // charged with the time of the pull-back
  };
  std::vector<Entry> entries_;
};

// True if an op with these inputs must save values for its pull-back.
bool is_recorded(std::span<const Tensor> inputs);
inline bool is_recorded(std::initializer_list<Tensor> inputs) {
  return is_recorded(std::span(inputs.begin(), inputs.size()));
}

// Marks y as differentiable and stores its pull-back, if a tape is current and an input requires a
// gradient.
void record(const Tensor& y, std::span<const Tensor> inputs, Tape::PullBack pull_back);
inline void record(const Tensor& y, std::initializer_list<Tensor> inputs,
                   Tape::PullBack pull_back) {
  record(y, std::span(inputs.begin(), inputs.size()), std::move(pull_back));
}

// The journal of the current tape, or null.
Journal* current_journal();
// Logs freshly computed indices (values) in the journal, or returns the logged ones in a replay.
Indices journaled(Indices fresh);
Tensor journaled(Tensor fresh);

}  // namespace moesim
