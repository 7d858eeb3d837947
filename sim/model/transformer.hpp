// Transformer is a pre-norm transformer in which parts of blocks, or whole blocks, may be mixtures
// of experts.
#pragma once

#include "sim/config/options.hpp"
#include "sim/model/architecture.hpp"
#include "sim/model/block.hpp"
#include "sim/nn/adapter.hpp"

#include <memory>
#include <vector>

namespace moesim {

// ModelShape holds the sizes of a model's input and output, as data and task determine them.
struct ModelShape {
  index vocabulary = 0;  // number of token ids of the input; 0: the input is features
  index features = 0;    // F, values per position, if there are no token ids
  index length = 0;      // positions
  index outputs = 0;     // logits per position, or per sequence if pooled
  bool causal = true;
  bool pooled = false;  // averages over positions before the head
};

struct ModelInput {
  index batch = 0, length = 0;
  Indices ids;           // [B·S], or
  Tensor features;       // [B·S, F]
  Indices domains = {};  // [B·S] number of each position's domain; empty: not known
};

class Transformer : public Module {
 public:
  // Reads [model], [moe], [router], [expert], [adapter] and the sections of the chosen plug-ins. `site` holds
  // the values that data and task determine; the constructor fills in the rest. expert_hidden:
  // hidden width of the MoE layers' experts; 0: by moe.match (sim/model/match.hpp).
  Transformer(const ModelShape& shape, Site site, Settings& settings, index expert_hidden = 0);

  // Logits [B·S, outputs], or [B, outputs] if pooled, of sequences of at most ModelShape::length
  // positions. With Context::past, of the next tokens of the texts. Appends weighted auxiliary
  // losses.
  Tensor forward(const ModelInput& input, Context& context, std::vector<Loss>& losses);
  // Called before the first micro-batch of a step (zeroes the loads of the MoE layers) and after
  // the update (updates the routers' buffers).
  void begin_step(Backend& backend);
  void after_step();
  // True if a router reads the counts of the whole step (Traits::whole_step); keep_whole_step()
  // makes the loads since begin_step() these counts, and zeroes them.
  bool reads_whole_step() const;
  void keep_whole_step();

  const std::vector<std::unique_ptr<Block>>& blocks() const { return blocks_; }
  // Numbers of the blocks with an MoE layer, and these layers.
  const std::vector<index>& moe_blocks() const { return moe_blocks_; }
  MoeLayer& moe_layer(std::size_t i) const {
    return *blocks_[static_cast<std::size_t>(moe_blocks_[i])]->moe();
  }

  // What [adapter] trains on frozen matrices, named adapters.MATRIX; null: nothing.
  const Adapters* adapters() const { return adapters_.get(); }

  // Number of parameter values that process one token.
  double active_parameters() const;
  // Training FLOPs per token: three times the forward pass.
  double flops_per_token() const;
  const ModelConfig& config() const { return config_; }
  // Hidden width of the MoE layers' experts, before the router's width_factor().
  index expert_hidden() const { return hidden_; }

 private:
  void explain_layers(const Options& options, const Site& site) const;
  void adapt(const AdapterConfig& config, Settings& settings);

  ModelShape shape_;
  ModelConfig config_;
  index width_ = 0, hidden_ = 0;
  Tensor embedding_, positions_, head_, head_bias_;
  std::unique_ptr<LinearLayer> patches_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<index> moe_blocks_;
  std::unique_ptr<Norm> norm_;
  std::unique_ptr<Adapters> adapters_;
  double dropout_ = 0;
};

}  // namespace moesim
