// Transformer is a pre-norm transformer, parts of whose blocks, or whole blocks, may be mixtures of
// experts.
#pragma once

#include "sim/config/options.hpp"
#include "sim/model/architecture.hpp"
#include "sim/model/block.hpp"

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

class Transformer : public Module {
 public:
  // Reads [model], [moe], [router], [expert] and the sections of the chosen plug-ins. `site` comes
  // with what data and task know; the rest is filled in here.
  // expert_hidden: hidden width of the MoE layers' experts; 0: as moe.match says
  // (sim/model/match.hpp).
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
  const ModelConfig& config() const { return config_; }
  // Hidden width of the MoE layers' experts, before the router's width_factor().
  index expert_hidden() const { return hidden_; }

 private:
  ModelShape shape_;
  ModelConfig config_;
  index width_ = 0, hidden_ = 0;
  Tensor embedding_, positions_, head_, head_bias_;
  std::unique_ptr<LinearLayer> patches_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<index> moe_blocks_;
  std::unique_ptr<Norm> norm_;
  real dropout_ = 0;
};

}  // namespace moesim
