#include "sim/model/block_maker.hpp"

#include "sim/moe/explain.hpp"
#include "sim/moe/no_experts.hpp"

#include <cmath>

namespace moesim {

// Radford et al. 2019: the scale of branch outputs decreases with the number of branches.
double BlockMaker::output_scale() const {
  return 1 / std::sqrt(2.0 * static_cast<double>(config_.layers));
}
std::unique_ptr<Norm> BlockMaker::norm() const {
  return std::make_unique<Norm>(config_.norm, config_.width, config_.bias);
}

std::unique_ptr<Expert> BlockMaker::bank(const std::string& name, const std::string& section,
                                         index experts, index own_hidden, index own_width) const {
  Options options(settings_, section + "." + name);
  return Registry<Expert>::find(name).make({own_width, experts, own_hidden, output_scale()},
                                           options);
}

std::unique_ptr<Expert> BlockMaker::routed_bank(index experts, index own_hidden, index own_width,
                                                index number) const {
  Options options(settings_, "expert." + config_.expert);
  auto own = Registry<Expert>::find(config_.expert)
                 .make({own_width, experts, own_hidden, output_scale(),
                        static_cast<real>(config_.expert_dropout), number},
                       options);
  if (config_.expert_dropout > 0 && !own->hidden_units().any())
    Options(settings_, "expert")
        .reject("dropout", "expert.name = " + config_.expert + " has no hidden units; set 0");
  return own;
}

std::unique_ptr<Branch> BlockMaker::attention() const {
  return std::make_unique<AttentionBranch>(
      AttentionConfig{.width = config_.width,
                      .heads = config_.heads,
                      .kv_heads = config_.kv_heads,
                      .head_width = config_.head_width,
                      .qk_norm = config_.qk_norm,
                      .causal = causal_,
                      .rotary = config_.positions == Positions::rotary,
                      .bias = config_.bias,
                      .output_scale = output_scale()});
}

std::unique_ptr<Branch> BlockMaker::feed_forward() const {
  return std::make_unique<FeedForwardBranch>(bank(config_.feed_forward,
                                                  config_.feed_forward_section, 1,
                                                  config_.feed_forward_hidden, config_.width));
}

std::unique_ptr<Block> BlockMaker::dense(index first_site) const {
  auto block = std::make_unique<Block>(static_cast<real>(config_.dropout), first_site);
  block->append("attention", attention(), "norm_attention", norm());
  block->append("feed_forward", feed_forward(), "norm_feed_forward", norm());
  return block;
}

void BlockMaker::require_blocks_fit(const Router& router) const {
  Options moe(settings_, "moe");
  const std::string name = "router.name = " + config_.router;
  if (!router.traits().assigns)
    moe.reject("at", name + " mixes tokens or merges experts, and a block needs tokens");
  if (router.traits().width_factor != 1)
    moe.reject("at", name + " widens its experts, but [feed_forward] sets the width of blocks");
}

std::unique_ptr<Expert> BlockMaker::experts_of(const Router& router, index width) const {
  const Traits& traits = router.traits();
  const ExpertSite bare{config_.width, traits.experts, width, output_scale()};
  if (config_.at == MoeAt::block) {
    require_blocks_fit(router);
    std::vector<std::unique_ptr<Block>> blocks;
    for (index e = 0; e < traits.experts; ++e) blocks.push_back(dense(2 + 2 * e));
    return std::make_unique<BlockBank>(bare, site.length, std::move(blocks));
  }
  if (traits.cost.rows_per_token == 0) {
    // Reads and checks [expert], so that arms of a comparison may share it.
    if (config_.at == MoeAt::feed_forward) bank(config_.expert, "expert", 1, 1, config_.width);
    return std::make_unique<NoExperts>(bare);
  }
  if (config_.expert_dropout > 0 && !traits.assigns && traits.cost.merge_flops == 0)
    Options(settings_, "expert")
        .reject("dropout",
                "router.name = " + config_.router + " mixes tokens, and draws are by token; set 0");
  auto own =
      routed_bank(traits.experts, width, config_.latent > 0 ? config_.latent : config_.width, 0);
  if (config_.at == MoeAt::attention && !own->attends())
    Options(settings_, "moe")
        .reject("at", "expert.name = " + config_.expert +
                          " does not attend: positions would not be mixed");
  return own;
}

std::unique_ptr<Branch> BlockMaker::moe() const {
  Options options(settings_, "router." + config_.router);
  const Plugin<Router>& plugin = Registry<Router>::find(config_.router);
  options.explain(Topic::router, config_.router + ": " + plugin.summary);
  auto router = plugin.make(site, options);
  explain_router(options, site, *router);
  auto own = experts_of(*router, hidden_ * router->traits().width_factor);
  std::unique_ptr<Expert> shared;
  if (config_.shared > 0) shared = routed_bank(1, hidden_ * config_.shared, config_.width, 1);
  return std::make_unique<MoeBranch>(
      std::make_unique<MoeLayer>(std::move(router), std::move(own), std::move(shared),
                                 config_.output_norm, config_.width, config_.latent));
}

std::unique_ptr<Block> BlockMaker::sparse() const {
  auto block = std::make_unique<Block>(static_cast<real>(config_.dropout));
  if (config_.at == MoeAt::block) {
    block->append("moe", moe());
    return block;
  }
  const bool attends = config_.at == MoeAt::attention;
  if (attends)
    block->append("moe", moe(), "norm_attention", norm());
  else
    block->append("attention", attention(), "norm_attention", norm());
  if (attends)
    block->append("feed_forward", feed_forward(), "norm_feed_forward", norm());
  else
    block->append("moe", moe(), "norm_feed_forward", norm());
  return block;
}

}  // namespace moesim
