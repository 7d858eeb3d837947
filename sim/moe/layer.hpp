// The MoE layer: asks a router for its plan and executes it, for every kind of plan in one place.
#pragma once

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <memory>
#include <span>

namespace moesim {

// What the plan makes of the tokens. -> [T, D]
Tensor execute(const Routing& routing, const Tokens& tokens, const Expert& expert);

// All tokens as rows of one expert: a feed-forward network is a bank of one.
Rows dense_rows(const Tokens& tokens);

class MoeLayer : public Module {
 public:
  // shared: an expert that every token passes, ungated (DeepSeekMoE); may be null. output_norm:
  // LayerNorm on y.
  MoeLayer(std::unique_ptr<Router> router, std::unique_ptr<Expert> expert,
           std::unique_ptr<Expert> shared, bool output_norm, index width);

  // y [T, D] without the residual; losses are appended. In training, the step's load is counted.
  Tensor forward(const Tokens& tokens, std::vector<Loss>& losses);
  // Sets the load to zero, before the first micro-batch of a step. Its memory is allocated by the
  // first call and kept, so that recorded graphs can count into it.
  void begin_step(Backend& backend);
  const StepLoad& load() const { return load_; }
  void after_step(std::span<const StepLoad> layers, std::size_t own) {
    router_->after_step(layers, own);
  }

  const Router& router() const { return *router_; }
  const Expert& expert() const { return *expert_; }
  const Expert* shared() const { return shared_.get(); }

 private:
  std::unique_ptr<Router> router_;
  std::unique_ptr<Expert> expert_, shared_;
  Tensor norm_gain_, norm_bias_;
  StepLoad load_;
};

// Adds a micro-batch to the load of its step.
void add(StepLoad& load, const Routing& routing, index tokens);
// A load of zeros for a router.
StepLoad no_load(const Traits& traits, Backend& backend);

}  // namespace moesim
