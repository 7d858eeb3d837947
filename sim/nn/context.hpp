// What a forward pass knows besides its input: the mode, the place in training, and where to put
// what happened.
#pragma once

#include "sim/core/random.hpp"
#include "sim/core/tensor.hpp"

#include <functional>
#include <vector>

namespace moesim {

struct Routing;

// Is a text being continued token by token? Then the input is what there is of it so far, and there
// are no other sequences and no later tokens to route by.
enum class Generating {
  no,
  prompt,        // the first pass: the input is the prompt
  continuation,  // the passes after it
};

struct Context {
  bool training = false;
  std::uint64_t seed = 0;
  index step = 0;                         // counts micro-batches since the start of training
  const std::int32_t* step_at = nullptr;  // Stream::step_at
  index layer = 0;                        // the block that is running; set by the transformer

  // Called by every MoE layer with its routing, in order of the layers.
  std::function<void(index layer, const Routing& routing)> on_routing = {};

  // Random numbers of this pass: the same for the same (seed, purpose, step, layer, site) on every
  // device. `site` tells several draws of one purpose in one layer apart.
  Stream stream(Purpose purpose, index site = 0) const {
    return {seed, purpose, static_cast<std::uint32_t>(step),
            static_cast<std::uint32_t>(layer + (site << 16)), step_at};
  }
  Tensor uniform(Purpose purpose, Shape shape, Backend& backend, real low = 0, real high = 1) const;
  Tensor normal(Purpose purpose, Shape shape, Backend& backend) const;

  // Given draws in place of own ones (tests against stored noise); may return an empty tensor to
  // decline.
  std::function<Tensor(Purpose, Shape)> given = {};

  Generating generating = Generating::no;

  // Number of the router that draws, among those inside another; 0: it is in none. Each has random
  // numbers of its own.
  index nested = 0;

  // What the MoE layer before this one left for it (Routing::carry); empty in the first.
  Tensor carry = {};
};

}  // namespace moesim
