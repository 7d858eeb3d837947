// Context is the state of a forward pass besides its input: training or evaluation, step, block,
// random streams, and the callback for routings.
#pragma once

#include "sim/core/random.hpp"
#include "sim/core/tensor.hpp"

#include <cstdint>
#include <functional>
#include <vector>

namespace moesim {

class Adapters;
struct Assignment;
struct Past;
struct Routing;
struct Rows;
struct StepLoad;

// Whether the pass continues a text token by token. The input is then the text so far: there are no
// other sequences and no later tokens to route by.
enum class Generating {
  no,
  prompt,        // the first pass: the input is the prompt
  continuation,  // the passes after it
};

// The rules of capacity and mixing by which a pass is routed (eval.also).
enum class Rules {
  own,       // those of training in training, those of evaluation in evaluation
  training,  // those of training
  dropless,  // those of evaluation, without a limit of rows per expert
};

struct Context {
  bool training = false;
  std::uint64_t seed = 0;
  index step = 0;                         // counts micro-batches since the start of training
  const std::int32_t* step_at = nullptr;  // Stream::step_at
  index layer = 0;                        // the block that is running; set by the transformer

  // Called by every MoE layer with its routing, in order of the layers.
  std::function<void(index layer, const Routing& routing)> on_routing = {};

  // Called before every product of rows with a matrix per expert w [E, in, out], but for rows that are
  // mixtures of tokens and for merged matrices (calibration).
  std::function<void(const Tensor& w, const Rows& rows)> on_product = {};

  // What is trained on frozen matrices of the model (adapter.hpp); null: nothing. Set by the
  // transformer.
  const Adapters* adapters = nullptr;

  // Called with a layer's assignments and the outputs of its experts for the rows of these, before
  // gates [N, D].
  std::function<void(index layer, const Assignment& plan, const Tensor& u)> on_outputs = {};

  // Decides in place of the router of a layer, where it returns true (counterfactual plans).
  std::function<bool(index layer, Routing& routing)> decide = {};

  Rules rules = Rules::own;
  // Whether a router uses its rules of training, or drops nothing. A router calls these only where
  // the answer changes its routing; if none called them, all rules give the outputs of this pass.
  bool trained_rules() const {
    asked_rules = true;
    return training || rules == Rules::training;
  }
  bool dropless() const {
    asked_rules = true;
    return rules == Rules::dropless;
  }
  mutable bool asked_rules = false;

  // Random stream of this pass, equal for equal (seed, purpose, step, layer, site) on every device.
  // `site` distinguishes several draws for one purpose in one layer.
  Stream stream(Purpose purpose, index site = 0) const {
    return {seed, purpose, static_cast<std::uint32_t>(step),
            static_cast<std::uint32_t>(layer + (site << 16)), step_at};
  }
  Tensor uniform(Purpose purpose, Shape shape, Backend& backend, double low = 0,
                 double high = 1) const;
  Tensor normal(Purpose purpose, Shape shape, Backend& backend) const;

  // Replaces draws of the router by given ones (tests with stored noise); an empty result declines.
  std::function<Tensor(Purpose, Shape)> given = {};

  Generating generating = Generating::no;
  // What earlier tokens of the texts left (sim/nn/past.hpp): the pass then covers the new tokens
  // only. Null: the pass covers whole sequences.
  Past* past = nullptr;

  // Number of the drawing router inside another, from 1; 0: it is not nested. Each has its own
  // random numbers.
  index nested = 0;

  // Routing::carry of the previous MoE layer of the pass; empty in the first.
  Tensor carry = {};

  // Loads of the MoE layer that is running: of the step's earlier micro-batches, and of all of them
  // (routers with Traits::whole_step). Null in evaluation, and where they are not known.
  const StepLoad* so_far = nullptr;
  const StepLoad* whole_step = nullptr;

  // True in a pass that is traced: plans then list what was asked for (Assignment::demanded).
  bool traced = false;
  // The choices of the running layer in the order in which places are given to them; for that list.
  std::vector<std::int32_t> service = {};
};

}  // namespace moesim
