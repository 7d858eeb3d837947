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
  // Occurrences of each token id in the training data; may be empty.
  std::vector<std::int64_t> unigram = {};
};

// What the output of a token may depend on, besides earlier tokens of its own sequence.
enum class Sees {
  past,      // nothing
  sequence,  // all of its sequence
  batch,     // other sequences of the batch
};
std::string to_string(Sees sees);

// What one token costs, on average.
struct Cost {
  double rows_per_token = 1;  // rows of expert compute
  double router_flops = 0;    // forward FLOPs of routing itself, per token
  double merge_flops = 0;     // merging parameters, in FLOPs per expert parameter and token
};

class Router : public Module {
 public:
  using Make = std::function<std::unique_ptr<Router>(const Site&, Options&)>;

  virtual Routing route(const Tokens& tokens) = 0;
  virtual Sees sees() const = 0;
  // Does a later token of the same sequence change an earlier output? Only sees() == batch leaves
  // it open.
  virtual bool looks_ahead() const { return sees() == Sees::sequence; }
  // How many experts it routes over, and how wide they are in multiples of the configured one.
  virtual index experts() const = 0;
  virtual index width_factor() const { return 1; }
  virtual Cost cost() const = 0;
  // What a training pass over so many tokens keeps until it has gone back, for the least memory of
  // a run: rows that the experts run on, and numbers of routing and mixing besides (logits, scores,
  // weights, and the gradients of those that stand beside them).
  virtual double expert_rows(index tokens) const {
    return cost().rows_per_token * static_cast<double>(tokens);
  }
  virtual double kept_values(index tokens) const {
    return 2 * static_cast<double>(tokens) * static_cast<double>(experts());
  }
  // Does route() ask the device for the same work in every training step, with the same arguments
  // and copied tables, whatever the values in memory, the step and what after_step() did? Then
  // steps may be replayed (run.graphs). Not if it looks at values, or draws random numbers
  // otherwise than by its context.
  virtual bool capturable() const { return false; }
  // State that learns without gradient, e.g. a balancing bias: called after every optimiser step.
  virtual void after_step(const Routing&) {}
};

}  // namespace moesim
