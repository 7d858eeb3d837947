// A pre-norm transformer whose feed-forward parts may be mixtures of experts.
#pragma once

#include "sim/config/options.hpp"
#include "sim/moe/layer.hpp"
#include "sim/nn/layers.hpp"

#include <memory>
#include <vector>

namespace moesim {

// What data and task ask of a model.
struct ModelShape {
  index vocabulary = 0;  // token ids in; 0: features in
  index features = 0;    // F values per position in, where there are no ids
  index length = 0;      // positions
  index outputs = 0;     // logits per position, or per sequence if pooled
  bool causal = true;
  bool pooled = false;  // mean over positions before the head
};

struct ModelInput {
  index batch = 0, length = 0;
  Indices ids;      // [B·S], or
  Tensor features;  // [B·S, F]
};

class Block : public Module {
 public:
  Block(NormKind norm, index width, bool bias, std::unique_ptr<SelfAttention> attention,
        std::unique_ptr<MoeLayer> moe, std::unique_ptr<Expert> feed_forward, real dropout);
  Tensor forward(const Tokens& tokens, std::vector<Loss>& losses);
  MoeLayer* moe() const { return moe_.get(); }
  const Expert* feed_forward() const { return feed_forward_.get(); }

 private:
  Norm norm_attention_, norm_feed_forward_;
  std::unique_ptr<SelfAttention> attention_;
  std::unique_ptr<MoeLayer> moe_;  // one of these two
  std::unique_ptr<Expert> feed_forward_;
  real dropout_;
};

class Transformer : public Module {
 public:
  // Reads [model], [moe], [router], [expert] and the sections of the chosen plug-ins. `site` comes
  // with what data and task know; the rest is filled in here.
  // expert_hidden: hidden width of the MoE layers' experts; 0: as moe.match says
  // (sim/nn/match.hpp).
  Transformer(const ModelShape& shape, Site site, Settings& settings, index expert_hidden = 0);

  // Logits [B·S, outputs], or [B, outputs] if pooled, for sequences of at most ModelShape::length
  // positions. Weighted auxiliary losses are appended.
  Tensor forward(const ModelInput& input, Context& context, std::vector<Loss>& losses);
  // Around the micro-batches of a training step: sets the loads of the MoE layers to zero, and
  // after the update lets their routers learn from them.
  void begin_step(Backend& backend);
  void after_step();

  const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }
  // Blocks that carry an MoE layer, and these layers.
  const std::vector<index>& moe_blocks() const { return moe_blocks_; }
  MoeLayer& moe_layer(std::size_t i) const {
    return *blocks_[static_cast<std::size_t>(moe_blocks_[i])]->moe();
  }

  // Values that one token meets on its way.
  double active_parameters() const;
  // FLOPs of training on one token: three times the forward pass.
  double flops_per_token() const;
  const std::string& router_name() const { return router_name_; }
  // Hidden width of the MoE layers' experts, before the router's width_factor().
  index expert_hidden() const { return hidden_; }

 private:
  ModelShape shape_;
  index width_ = 0, hidden_ = 0;
  std::string router_name_;
  Tensor embedding_, positions_, head_, head_bias_;
  std::unique_ptr<LinearLayer> patches_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<index> moe_blocks_;
  std::unique_ptr<Norm> norm_;
  real dropout_ = 0;
};

}  // namespace moesim
