// Reverse-mode differentiation: an eager tape of closures over coarse ops.
//
// An op computes its output and calls record(y, {inputs}, pull_back). The pull-back gets dL/dy and
// adds to the gradients of the inputs through gradient_slot(). A router author never writes one:
// routers are made of ops.
#pragma once

#include "sim/core/profile.hpp"
#include "sim/core/tensor.hpp"

#include <functional>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

namespace moesim {

// Where a pull-back puts the gradient of one input: nowhere (p null: the input wants none), or into
// p, adding to what is there if `accumulate`, else overwriting undefined values.
struct GradientSlot {
  real* p = nullptr;
  bool accumulate = false;
  explicit operator bool() const { return p != nullptr; }
  static GradientSlot of(const Tensor& tensor);
};
inline GradientSlot gradient_slot(const Tensor& tensor) { return GradientSlot::of(tensor); }
// dL/d(tensor) is dy itself. Shares its memory if the tensor has no gradient yet, else adds it. Who
// writes to a gradient that is shared gets memory of his own: gradient_slot sees to it, and so does
// writable.
void pass_gradient(const Tensor& tensor, const Tensor& dy);
// For a pull-back that works in the memory of dy: dy itself, or a copy if it is shared.
Tensor writable(const Tensor& dy);

// Decisions that have no derivative (chosen indices, stopped values), written down in a first
// forward pass and played back in later ones, so that central differences see the function that was
// differentiated.
struct Journal {
  enum class Mode { write, replay };
  Mode mode = Mode::write;
  bool stops_values = true;  // false: stopped values are computed anew when replayed
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

  // The tape of this thread, or null: then nothing is recorded.
  static Tape* current();

  // Makes a tape current for its lifetime; a null tape switches recording off.
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
  // Propagates d(root) = seed (ones if empty) to every tensor that wants a gradient, and clears the
  // tape.
  void backward(const Tensor& root, const Tensor& seed = {});
  // Several roots at once, each with its seed.
  void backward(const std::vector<std::pair<Tensor, Tensor>>& roots);
  std::size_t size() const { return entries_.size(); }
  void clear() { entries_.clear(); }

  // Called with every output that is recorded, in the order of the forward pass.
  std::function<void(const Tensor& y)> inspect;
  Journal* journal = nullptr;
  bool recording = true;  // false: only the journal is in use

 private:
  struct Entry {
    Tensor y;
    PullBack pull_back;
    Part part;  // that the time of the pull-back belongs to
  };
  std::vector<Entry> entries_;
};

// Does an op with these inputs have to save anything for its pull-back?
bool is_recorded(std::span<const Tensor> inputs);
inline bool is_recorded(std::initializer_list<Tensor> inputs) {
  return is_recorded(std::span(inputs.begin(), inputs.size()));
}

// Marks y as differentiable and stores its pull-back, if a tape is current and an input wants a
// gradient.
void record(const Tensor& y, std::span<const Tensor> inputs, Tape::PullBack pull_back);
inline void record(const Tensor& y, std::initializer_list<Tensor> inputs,
                   Tape::PullBack pull_back) {
  record(y, std::span(inputs.begin(), inputs.size()), std::move(pull_back));
}

// The journal of the current tape, or null.
Journal* current_journal();
// Passes freshly made indices (values) through the journal: written down, or replaced by what was
// written.
Indices journaled(Indices fresh);
Tensor journaled(Tensor fresh);

}  // namespace moesim
