// The MoE layer: asks a router for its plan and executes it, for every kind of plan in one place.
#pragma once

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <memory>

namespace moesim {

// What `plan` makes of x [T, D]. -> [T, D]
Tensor execute(const Routing& routing, const Tensor& x, const Expert& expert);

class MoeLayer : public Module {
 public:
  // shared: an expert that every token passes, ungated (DeepSeekMoE); may be null. output_norm:
  // LayerNorm on y.
  MoeLayer(std::unique_ptr<Router> router, std::unique_ptr<Expert> expert,
           std::unique_ptr<Expert> shared, bool output_norm, index width);

  // y [T, D] without the residual; losses are appended.
  Tensor forward(const Tokens& tokens, std::vector<Loss>& losses);
  void after_step();
  // What after_step() will be told.
  const Routing& last() const { return last_; }
  void set_last(const Routing& routing) { last_ = routing; }

  const Router& router() const { return *router_; }
  const Expert& expert() const { return *expert_; }
  const Expert* shared() const { return shared_.get(); }

 private:
  std::unique_ptr<Router> router_;
  std::unique_ptr<Expert> expert_, shared_;
  Tensor norm_gain_, norm_bias_;
  Routing last_;  // of the last training pass, for after_step()
};

}  // namespace moesim
