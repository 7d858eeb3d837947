// Start determines the initial values of the parameters ([init]).
#pragma once

#include "sim/config/options.hpp"
#include "sim/train/hook.hpp"
#include "sim/train/optimiser.hpp"
#include "sim/train/upcycle.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// Started describes the weights that a start loaded.
struct Started {
  std::string summary;  // one line; empty: there is no other run
  index step = 0;       // of the other run's checkpoint
  std::string weights_sha256;
  double dropped = 0;   // upcycled: share of tokens with a dropped choice, the most of any layer
  Position position{};  // at which the training begins
  index updates = 0;    // that the moments of the optimiser have
};

struct Start {
  // same: tensors of equal name and shape; student: the same, and others are drawn; upcycle:
  // experts are made of dense networks (upcycle.hpp); adapter: dense networks are what experts adapt
  // (adapter.hpp).
  enum class Method { same, student, upcycle, adapter };
  std::string from;        // the folder of a run; empty: all values are drawn
  std::string checkpoint;  // "newest", "best" or a step
  Method method = Method::same;
  bool draw_missing = false;
  std::vector<std::pair<std::string, std::string>> renames;  // prefixes of names, old and new
  Upcycling upcycling;
  bool copy_moments = false;  // init.optimiser = copy
  bool go_on = false;         // init.position = continue: begins at the checkpoint's step
  // init.at: a run without init.from trains its dense arm for this number of steps, and goes on from
  // its checkpoint as if init.from named it. 0: it does not.
  index dense_steps = 0;

  bool any() const { return !from.empty() || dense_steps > 0; }
  // True if the start needs the optimiser or the position of the checkpoint.
  bool needs_state() const { return copy_moments || go_on; }

  // Throws as load() does, but reads no values of the model and changes none: before a run begins.
  // state: Trainer::shapes_of_state(). -> position and updates of load()
  Started check(const std::vector<NamedTensor>& weights, const NamedShapes& state,
                const Transformer& model, std::uint64_t seed) const;

  // Sets each of `weights`, the tensors of the model, to the checkpoint's tensor of equal name and
  // shape, and with copy_moments each of `state` to the optimiser's. Throws Exit::data with the first
  // tensor that has none, unless [init] keeps the initial values of such tensors; also if a rename
  // has no effect or two tensors get one name. Throws Exit::usage if experts cannot be made.
  // measure: sums of gates of the model.
  Started load(const std::vector<NamedTensor>& weights, const std::vector<NamedTensor>& state,
               const Transformer& model, std::uint64_t seed,
               const std::function<std::vector<GateSum>()>& measure) const;
};

// Reads [init]. steps: run.steps.
Start read_start(Settings& settings, index steps);

}  // namespace moesim
