#include "sim/model/transformer.hpp"

#include "sim/config/name_patterns.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/model/architecture.hpp"
#include "sim/model/match.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/explain.hpp"
#include "sim/moe/no_experts.hpp"
#include "sim/nn/past.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace moesim {
namespace {

Tensor drop(const Tensor& x, real rate, const Context& context) {
  return context.training ? dropout(x, rate, context.stream(Purpose::dropout)) : x;
}

// Blocks makes the blocks of a model.
struct Blocks {
  const ModelConfig& config;
  Settings& settings;
  Site site;  // of the current block
  bool causal;
  index hidden;  // hidden width of the MoE layers' experts

  // Radford et al. 2019: the scale of branch outputs decreases with the number of branches.
  double output_scale() const { return 1 / std::sqrt(2.0 * static_cast<double>(config.layers)); }
  std::unique_ptr<Norm> norm() const {
    return std::make_unique<Norm>(config.norm, config.width, config.bias);
  }
  std::unique_ptr<Expert> bank(const std::string& name, const std::string& section, index experts,
                               index own_hidden, index own_width) const {
    Options options(settings, section + "." + name);
    return Registry<Expert>::find(name).make({own_width, experts, own_hidden, output_scale()},
                                             options);
  }
  // The same for a bank of an MoE layer, whose hidden values have dropout.
  std::unique_ptr<Expert> routed_bank(index experts, index own_hidden, index own_width,
                                      index number) const {
    Options options(settings, "expert." + config.expert);
    auto own = Registry<Expert>::find(config.expert)
                   .make({own_width, experts, own_hidden, output_scale(),
                          static_cast<real>(config.expert_dropout), number},
                         options);
    if (config.expert_dropout > 0 && !own->hidden_units().any())
      Options(settings, "expert")
          .reject("dropout", "expert.name = " + config.expert + " has no hidden units; set 0");
    return own;
  }

  std::unique_ptr<Branch> attention() const {
    return std::make_unique<AttentionBranch>(
        AttentionConfig{.width = config.width,
                        .heads = config.heads,
                        .kv_heads = config.kv_heads,
                        .head_width = config.head_width,
                        .qk_norm = config.qk_norm,
                        .causal = causal,
                        .rotary = config.positions == Positions::rotary,
                        .bias = config.bias,
                        .output_scale = output_scale()});
  }
  std::unique_ptr<Branch> feed_forward() const {
    return std::make_unique<FeedForwardBranch>(bank(config.feed_forward,
                                                    config.feed_forward_section, 1,
                                                    config.feed_forward_hidden, config.width));
  }
  // Dropout uses site 0 for the embedding, and the next two for a block of two branches.
  std::unique_ptr<Block> dense(index first_site = 1) const {
    auto block = std::make_unique<Block>(static_cast<real>(config.dropout), first_site);
    block->append("attention", attention(), "norm_attention", norm());
    block->append("feed_forward", feed_forward(), "norm_feed_forward", norm());
    return block;
  }

  void require_blocks_fit(const Router& router) const {
    Options moe(settings, "moe");
    const std::string name = "router.name = " + config.router;
    if (!router.traits().assigns)
      moe.reject("at", name + " mixes tokens or merges experts, and a block needs tokens");
    if (router.traits().width_factor != 1)
      moe.reject("at", name + " widens its experts, but [feed_forward] sets the width of blocks");
  }

  // The MoE layer of this block.
  std::unique_ptr<Branch> moe() const {
    Options options(settings, "router." + config.router);
    const Plugin<Router>& plugin = Registry<Router>::find(config.router);
    options.explain(Topic::router, config.router + ": " + plugin.summary);
    auto router = plugin.make(site, options);
    explain_router(options, site, *router);
    const auto [experts, width] =
        std::pair(router->traits().experts, hidden * router->traits().width_factor);
    std::unique_ptr<Expert> own;
    if (config.at == MoeAt::block) {
      require_blocks_fit(*router);
      std::vector<std::unique_ptr<Block>> blocks;
      for (index e = 0; e < experts; ++e) blocks.push_back(dense(2 + 2 * e));
      own = std::make_unique<BlockBank>(ExpertSite{config.width, experts, width, output_scale()},
                                        site.length, std::move(blocks));
    } else if (router->traits().cost.rows_per_token == 0) {
      // Reads and checks [expert], so that arms of a comparison may share it.
      if (config.at == MoeAt::feed_forward) bank(config.expert, "expert", 1, 1, config.width);
      own = std::make_unique<NoExperts>(ExpertSite{config.width, experts, width, output_scale()});
    } else {
      const Traits& traits = router->traits();
      if (config.expert_dropout > 0 && !traits.assigns && traits.cost.merge_flops == 0)
        Options(settings, "expert")
            .reject("dropout", "router.name = " + config.router +
                                   " mixes tokens, and draws are by token; set 0");
      own = routed_bank(experts, width, config.latent > 0 ? config.latent : config.width, 0);
      if (config.at == MoeAt::attention && !own->attends())
        Options(settings, "moe")
            .reject("at", "expert.name = " + config.expert +
                              " does not attend: positions would not be mixed");
    }
    std::unique_ptr<Expert> shared;
    if (config.shared > 0) shared = routed_bank(1, hidden * config.shared, config.width, 1);
    return std::make_unique<MoeBranch>(
        std::make_unique<MoeLayer>(std::move(router), std::move(own), std::move(shared),
                                   config.output_norm, config.width, config.latent));
  }
  std::unique_ptr<Block> sparse() const {
    auto block = std::make_unique<Block>(static_cast<real>(config.dropout));
    if (config.at == MoeAt::block) {
      block->append("moe", moe());
      return block;
    }
    const bool attends = config.at == MoeAt::attention;
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
};

}  // namespace

Transformer::Transformer(const ModelShape& shape, Site site, Settings& settings,
                         index expert_hidden)
    : shape_(shape), config_(read_model_config(settings)) {
  const Site outside = site;
  const ModelConfig& a = config_;
  width_ = site.width = a.width;
  site.experts = a.experts;
  hidden_ = expert_hidden > 0        ? expert_hidden
            : a.match == Match::none ? a.hidden
                                     : matched_hidden(shape, outside, settings, a.match);
  dropout_ = static_cast<real>(a.dropout);
  if (shape.vocabulary > 0) {
    embedding_ = parameter("embedding", {shape.vocabulary, a.width}, Init::normal(0.02));
  } else {
    patches_ = std::make_unique<LinearLayer>(shape.features, a.width, true);
    child("patches", *patches_);
  }
  if (a.positions == Positions::learned)
    positions_ = parameter("positions", {shape.length, a.width}, Init::normal(0.02), false);

  Blocks make{a, settings, site, shape.causal, hidden_};
  for (index i = 0; i < a.layers; ++i) {
    make.site.layer = i;
    const bool sparse = i >= a.first_dense && (i + 1) % a.every == 0;
    make.site.before = static_cast<index>(moe_blocks_.size());
    if (sparse) moe_blocks_.push_back(i);
    blocks_.push_back(sparse ? make.sparse() : make.dense());
    child("blocks." + std::to_string(i), *blocks_.back());
  }
  if (!moe_blocks_.empty()) explain_layers(Options(settings, "router." + a.router), outside);
  norm_ = std::make_unique<Norm>(a.norm, a.width, a.bias);
  child("norm", *norm_);
  if (a.tied && shape.vocabulary != shape.outputs)
    Options(settings, "model").reject("tied", "a tied head needs token ids in and out");
  if (!a.tied) head_ = parameter("head", {a.width, shape.outputs}, Init::normal(0.02));
  if (a.bias && !a.tied)
    head_bias_ = parameter("head_bias", {shape.outputs}, Init::constant(0), false);
  if (const AdapterConfig adapter = AdapterConfig::read(settings); adapter.any())
    adapt(adapter, settings);
}

void Transformer::adapt(const AdapterConfig& config, Settings& settings) {
  Options options(settings, "adapter");
  if (config_.at == MoeAt::block)
    options.reject("kind", "moe.at = block: experts that are blocks have no adapters; set none");
  std::vector<Parameter> matrices;
  std::vector<std::string> names, chosen;
  for (const Parameter& p : parameters())
    if (p.product) matrices.push_back(p), names.push_back(p.name);
  const std::set<std::string> targets = chosen_names(options, "targets", config.targets, names);
  adapters_ = std::make_unique<Adapters>();
  for (const Parameter& matrix : matrices) {
    if (!targets.contains(matrix.name)) continue;
    double rows = 1;
    for (std::size_t i = 0; i < moe_blocks_.size(); ++i) {
      const std::string experts = fmt::format("blocks.{}.moe.experts.", moe_blocks_[i]);
      if (!matrix.name.starts_with(experts)) continue;
      const Traits& traits = moe_layer(i).router().traits();
      if (!traits.assigns)
        options.reject("targets",
                       fmt::format("router.name = {} mixes tokens or merges experts, and "
                                   "adapters need tokens; add !{}*",
                                   config_.router, experts));
      rows = traits.cost.rows_per_token / static_cast<double>(moe_layer(i).expert().experts());
    }
    adapters_->append(config, matrix, rows);
    chosen.push_back(matrix.name + " " + matrix.value.shape().to_string());
  }
  if (chosen.empty()) options.reject("targets", "chooses no matrix; " + names_near("*", names));
  child("adapters", *adapters_);
  options.explain(Topic::state,
                  fmt::format("adapts {}, [in, out] or of experts [E, in, out]: {}",
                              counted(std::ssize(chosen), "parameter"), joined(chosen)));
}

void Transformer::explain_layers(const Options& options, const Site& site) const {
  const ModelConfig& a = config_;
  options.explain(
      Topic::router,
      fmt::format("MoE layers in blocks {} of {}, counted from 0, with E = {} on D = {}; a "
                  "micro-batch has T = {}, {} of S = {}; evaluation has {} a batch",
                  fmt::join(moe_blocks_, ", "), a.layers,
                  counted(moe_layer(0).router().traits().experts, "expert"),
                  counted(a.latent > 0 ? a.latent : a.width, "value"),
                  counted(site.batch * site.length, "token"), counted(site.batch, "sequence"),
                  site.length, counted(site.evaluation_batch, "sequence")));
}

Tensor Transformer::forward(const ModelInput& input, Context& context, std::vector<Loss>& losses) {
  context.adapters = adapters_.get();
  Tensor x = embedding_ ? gather_rows(embedding_, input.ids)
                        : patches_->forward(input.features, {}, &context);
  const index first = context.past != nullptr ? context.past->length : 0;
  if (positions_) {
    if (first + input.length > shape_.length)
      fail_in("transformer", "sequences of " + std::to_string(first + input.length) +
                                 " for positions of " + std::to_string(shape_.length));
    const Shape sequences{input.batch, input.length * width_};
    const IndexMap places{.shape = {input.length, 1, 1}, .add = {1}, .base = first};
    const Tensor positions = input.length == shape_.length
                                 ? positions_
                                 : gather_rows(positions_, map_indices(places, x.backend()));
    x = add_row(x.reshape(sequences), positions).reshape({input.batch * input.length, width_});
  }
  context.layer = 0;
  context.carry = {};
  Tokens tokens =
      tokens_of(drop(x, dropout_, context), input.batch, input.length, input.ids, context);
  tokens.domain = input.domains;
  if (context.past != nullptr)
    tokens.position = map_indices(
        {.shape = {input.batch, input.length, 1}, .add = {0, 1}, .base = first}, x.backend());
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    context.layer = static_cast<index>(i);
    tokens.x = within([&] { return "block " + std::to_string(i); },
                      [&] { return blocks_[i]->forward(tokens, losses); });
  }
  x = norm_->forward(tokens.x);
  if (shape_.pooled) x = mean_rows(x, input.batch);
  const Span span(Part::head);
  return head_ ? linear(x, head_, head_bias_) : matmul(x, embedding_, {.b = true});
}

void Transformer::begin_step(Backend& backend) {
  for (std::size_t i = 0; i < moe_blocks_.size(); ++i) moe_layer(i).begin_step(backend);
}

void Transformer::after_step() {
  std::vector<StepLoad> loads;
  for (std::size_t i = 0; i < moe_blocks_.size(); ++i) loads.push_back(moe_layer(i).load());
  for (std::size_t i = 0; i < loads.size(); ++i) moe_layer(i).after_step(loads, i);
}

bool Transformer::reads_whole_step() const {
  for (std::size_t i = 0; i < moe_blocks_.size(); ++i)
    if (moe_layer(i).router().traits().whole_step) return true;
  return false;
}

void Transformer::keep_whole_step() {
  for (std::size_t i = 0; i < moe_blocks_.size(); ++i) moe_layer(i).keep_whole_step();
}

double Transformer::active_parameters() const {
  auto active = static_cast<double>(count(parameters()));
  for (std::size_t i = 0; i < moe_blocks_.size(); ++i) {
    const MoeLayer& layer = moe_layer(i);
    const double unused =
        static_cast<double>(layer.expert().experts()) - layer.router().traits().cost.rows_per_token;
    active -= std::max(0.0, unused) * static_cast<double>(layer.expert().parameters_per_expert()) +
              layer.router().traits().cost.idle_parameters;
  }
  if (adapters_)
    for (const auto& adapter : adapters_->all())
      active -= std::max(0.0, 1 - adapter->rows_per_expert()) *
                static_cast<double>(count(adapter->parameters()));
  return active;
}

double Transformer::flops_per_token() const {
  const auto D = static_cast<double>(width_), S = static_cast<double>(shape_.length);
  double forward = patches_ ? 2 * D * static_cast<double>(shape_.features) : 0;
  for (const auto& block : blocks_) forward += block->flops_per_token(shape_.length);
  forward += 2 * D * static_cast<double>(shape_.outputs) / (shape_.pooled ? S : 1);
  if (adapters_)
    for (const auto& adapter : adapters_->all())
      forward += adapter->rows_per_expert() * static_cast<double>(adapter->stack()) *
                 adapter->flops_per_row();
  return 3 * forward;
}

}  // namespace moesim
