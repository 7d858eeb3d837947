// MoeLayer is a router and its experts: it executes the router's plan, of any kind.
#pragma once

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <memory>
#include <span>

namespace moesim {

// Executes the plan. -> [T, D]
Tensor execute(const Routing& routing, const Tokens& tokens, const Expert& expert);

// All tokens as rows of one expert; a feed-forward network is a bank of one.
Rows dense_rows(const Tokens& tokens);

class MoeLayer : public Module {
 public:
  // shared: an expert that processes every token, without gate (DeepSeekMoE); may be null.
  // output_norm: LayerNorm on y. latent: width of the routed experts, between two projections of
  // width D to it and back (NVIDIA 2025, "Nemotron 3", LatentMoE); 0: they have width D.
  MoeLayer(std::unique_ptr<Router> router, std::unique_ptr<Expert> expert,
           std::unique_ptr<Expert> shared, bool output_norm, index width, index latent = 0);

  // y [T, D] without the residual; appends losses. In training it adds to the load of the step.
  Tensor forward(const Tokens& tokens, std::vector<Loss>& losses);
  // Zeroes the load before the first micro-batch of a step. The first call allocates its memory,
  // which keeps its address, so that recorded graphs can add to it.
  void begin_step(Backend& backend);
  const StepLoad& load() const { return load_; }
  // Keeps the load as that of the whole step (Context::whole_step), and zeroes it.
  void keep_whole_step();
  void after_step(std::span<const StepLoad> layers, std::size_t own) {
    router_->after_step(layers, own);
  }

  const Router& router() const { return *router_; }
  const Expert& expert() const { return *expert_; }
  const Expert* shared() const { return shared_.get(); }
  // Forward FLOPs of the projections to and from the latent width, per token.
  double latent_flops() const {
    return latent_down_ ? 4.0 * static_cast<double>(latent_down_.size()) : 0;
  }

 private:
  Tensor execute_latent(const Routing& routing, const Tokens& tokens) const;

  std::unique_ptr<Router> router_;
  std::unique_ptr<Expert> expert_, shared_;
  Tensor norm_gain_, norm_bias_;
  Tensor latent_down_, latent_up_;  // [D, latent], [latent, D]
  StepLoad load_, whole_step_;
};

// Adds a micro-batch to the load of its step.
void add(StepLoad& load, const Routing& routing, index tokens);
// A zero load for a router.
StepLoad no_load(const Traits& traits, Backend& backend);

}  // namespace moesim
