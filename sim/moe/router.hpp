// The interface of a router. A router is one .cpp in routers/; see routers/README.md for the
// walk-through.
#pragma once

#include "sim/config/options.hpp"
#include "sim/config/registry.hpp"
#include "sim/moe/routing.hpp"
#include "sim/nn/context.hpp"
#include "sim/nn/module.hpp"

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace moesim {

// Where a router is built in.
struct Site {
  index width = 0;       // D
  index experts = 0;     // E, as configured
  index batch = 0;       // sequences per training micro-batch
  index length = 0;      // S
  bool causal = true;    // is the task autoregressive?
  index layer = 0;       // block number
  index vocabulary = 0;  // 0 for data without token ids
  bool ragged = false;   // may its sequences differ in length? (a router inside another)
  // Occurrences of each token id in the training data; may be empty.
  std::vector<std::int64_t> unigram = {};
};

// What the output of a token may depend on, besides earlier tokens of its own sequence.
struct Sees {
  bool later_tokens = false;     // of its sequence
  bool other_sequences = false;  // of the batch
};
// "past", "sequence", or "batch" if it sees other sequences, as a run file records it.
std::string to_string(Sees sees);

// What one token costs, on average.
struct Cost {
  double rows_per_token = 1;  // rows of expert compute
  double router_flops = 0;    // forward FLOPs of routing itself, per token
  double merge_flops = 0;     // merging parameters, in FLOPs per expert parameter and token
};

// What is known of a router once it is built.
struct Traits {
  index experts = 0;  // E that it routes over
  Sees sees = {};
  Cost cost = {};          // expected; a run file has what was measured beside it
  index width_factor = 1;  // hidden width of its experts in multiples of the configured one
  // The experts form this many groups of equal size, consecutive ones: they may be renumbered
  // within groups, and groups as wholes.
  index expert_groups = 1;
  bool assigns = true;      // its plans are assignments: whole tokens go to experts
  bool importance = false;  // it heeds Tokens::importance
  // route() launches the same work in every training step, with the same arguments and copied
  // tables, whatever the values in memory, the step and what after_step() did: steps may be
  // replayed (run.graphs). False if it looks at values, or draws random numbers other than by its
  // context.
  bool capturable = false;
  // Its gradient is by design not the derivative of its value: it stops gradients (stop_gradient),
  // or passes them straight through a step. The certificate then checks the derivative with stopped
  // values held fixed.
  bool surrogate = false;
  // Shapes of Routing::totals.
  std::vector<Shape> totals = {};
};

// What one MoE layer did in all micro-batches of a step, on the device.
struct StepLoad {
  Indices demand;    // [E] assignments before capacity; zeros for plans that do not count them
  index tokens = 0;  // routed
  std::vector<Tensor> totals = {};  // sums of Routing::totals, in order of the micro-batches
};

class Router : public Module {
 public:
  using Make = std::function<std::unique_ptr<Router>(const Site&, Options&)>;

  const Traits& traits() const { return traits_; }
  // Decides where the tokens go. Pure: it changes no state.
  virtual Routing route(const Tokens& tokens) = 0;
  // Updates state that learns without gradient, e.g. a balancing bias. Called after every update of
  // the parameters, with the loads of all MoE layers in order, of which layers[own] is this one's.
  // Changes buffers in place (sim/ops/state.hpp), so that recorded graphs see it.
  virtual void after_step(std::span<const StepLoad> layers, std::size_t own) {
    static_cast<void>(layers), static_cast<void>(own);
  }
  // What a training pass over so many tokens keeps until it has gone back, for the least memory of
  // a run: rows that the experts run on, and numbers of routing and mixing besides (logits, scores,
  // weights, and the gradients of those that stand beside them).
  virtual double expert_rows(index tokens) const {
    return traits_.cost.rows_per_token * static_cast<double>(tokens);
  }
  virtual double kept_values(index tokens) const {
    return 2 * static_cast<double>(tokens) * static_cast<double>(traits_.experts);
  }

 protected:
  Traits traits_;  // set in the constructor
};

}  // namespace moesim
