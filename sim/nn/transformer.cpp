#include "sim/nn/transformer.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/nn/architecture.hpp"
#include "sim/nn/match.hpp"
#include "sim/ops/ops.hpp"

#include <cmath>
#include <numeric>

namespace moesim {
namespace {

// Sites of dropout inside a block.
enum : index { kEmbeddingSite = 0, kAttentionSite = 1, kFeedForwardSite = 2 };

Tensor drop(const Tensor& x, real rate, const Context& context, index site) {
  return context.training ? dropout(x, rate, context.stream(Purpose::dropout, site)) : x;
}

Indices first_rows(index count, Backend& backend) {
  std::vector<std::int32_t> rows(static_cast<std::size_t>(count));
  std::iota(rows.begin(), rows.end(), 0);
  return Indices::of(rows, backend);
}

}  // namespace

Block::Block(NormKind norm, index width, bool bias, std::unique_ptr<SelfAttention> attention,
             std::unique_ptr<MoeLayer> moe, std::unique_ptr<Expert> feed_forward, real dropout)
    : norm_attention_(norm, width, bias),
      norm_feed_forward_(norm, width, bias),
      attention_(std::move(attention)),
      moe_(std::move(moe)),
      feed_forward_(std::move(feed_forward)),
      dropout_(dropout) {
  child("norm_attention", norm_attention_);
  child("attention", *attention_);
  child("norm_feed_forward", norm_feed_forward_);
  if (moe_)
    child("moe", *moe_);
  else
    child("feed_forward", *feed_forward_);
}

Tensor Block::forward(const Tokens& tokens, std::vector<Loss>& losses) {
  Context& context = tokens.context;
  Tensor x = tokens.x;
  const auto attend = [&](const Tensor& residual) {
    return attention_->forward(norm_attention_.forward(x), tokens.batch(), tokens.length(),
                               residual);
  };
  x = context.training && dropout_ > 0 ? add(x, drop(attend({}), dropout_, context, kAttentionSite))
                                       : attend(x);
  const Tokens normed = tokens.with(norm_feed_forward_.forward(x));
  const Tensor y = moe_ ? moe_->forward(normed, losses) : feed_forward_->apply(dense_rows(normed));
  return add(x, drop(y, dropout_, context, kFeedForwardSite));
}

Transformer::Transformer(const ModelShape& shape, Site site, Settings& settings,
                         index expert_hidden)
    : shape_(shape) {
  const Site outside = site;
  const ModelConfig a = read_model_config(settings);
  width_ = site.width = a.width;
  site.experts = a.experts;
  hidden_ = expert_hidden > 0        ? expert_hidden
            : a.match == Match::none ? a.hidden
                                     : matched_hidden(shape, outside, settings, a.match);
  router_name_ = a.router;
  dropout_ = static_cast<real>(a.dropout);
  // Radford et al. 2019: what is added to the residual stream shrinks with the number of additions.
  const double output_scale = 1 / std::sqrt(2.0 * static_cast<double>(a.layers));

  if (shape.vocabulary > 0) {
    embedding_ = parameter("embedding", {shape.vocabulary, a.width}, Init::normal(0.02));
  } else {
    patches_ = std::make_unique<LinearLayer>(shape.features, a.width, true);
    child("patches", *patches_);
  }
  if (a.positions == Positions::learned)
    positions_ = parameter("positions", {shape.length, a.width}, Init::normal(0.02), false);

  const auto& router_plugin = Registry<Router>::find(a.router);
  const auto& expert_plugin = Registry<Expert>::find(a.expert);
  Options router_options(settings, "router." + a.router),
      expert_options(settings, "expert." + a.expert);
  for (index i = 0; i < a.layers; ++i) {
    std::unique_ptr<MoeLayer> moe;
    std::unique_ptr<Expert> feed_forward;
    if ((i + 1) % a.every == 0) {
      site.layer = i;
      auto router = router_plugin.make(site, router_options);
      auto experts = expert_plugin.make({a.width, router->traits().experts,
                                         hidden_ * router->traits().width_factor, output_scale},
                                        expert_options);
      std::unique_ptr<Expert> shared;
      if (a.shared > 0)
        shared = expert_plugin.make({a.width, 1, hidden_ * a.shared, output_scale}, expert_options);
      moe = std::make_unique<MoeLayer>(std::move(router), std::move(experts), std::move(shared),
                                       a.output_norm, a.width);
      moe_blocks_.push_back(i);
    } else {
      feed_forward = expert_plugin.make({a.width, 1, a.hidden, output_scale}, expert_options);
    }
    auto attention = std::make_unique<SelfAttention>(
        a.width, a.heads, shape.causal, a.positions == Positions::rotary, a.bias, output_scale);
    blocks_.push_back(std::make_unique<Block>(a.norm, a.width, a.bias, std::move(attention),
                                              std::move(moe), std::move(feed_forward), dropout_));
    child("blocks." + std::to_string(i), *blocks_.back());
  }
  norm_ = std::make_unique<Norm>(a.norm, a.width, a.bias);
  child("norm", *norm_);
  if (a.tied && shape.vocabulary != shape.outputs)
    Options(settings, "model").reject("tied", "a tied head needs token ids in and out");
  if (!a.tied) head_ = parameter("head", {a.width, shape.outputs}, Init::normal(0.02));
  if (a.bias && !a.tied)
    head_bias_ = parameter("head_bias", {shape.outputs}, Init::constant(0), false);
}

Tensor Transformer::forward(const ModelInput& input, Context& context, std::vector<Loss>& losses) {
  Tensor x = embedding_ ? gather_rows(embedding_, input.ids) : patches_->forward(input.features);
  if (positions_) {
    if (input.length > shape_.length)
      fail_in("transformer", "sequences of " + std::to_string(input.length) + " for positions of " +
                                 std::to_string(shape_.length));
    const Shape sequences{input.batch, input.length * width_};
    const Tensor positions = input.length == shape_.length
                                 ? positions_
                                 : gather_rows(positions_, first_rows(input.length, x.backend()));
    x = add_row(x.reshape(sequences), positions).reshape({input.batch * input.length, width_});
  }
  context.layer = 0;
  context.carry = {};
  Tokens tokens = tokens_of(drop(x, dropout_, context, kEmbeddingSite), input.batch, input.length,
                            input.ids, context);
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

double Transformer::active_parameters() const {
  auto active = static_cast<double>(count(parameters()));
  for (std::size_t i = 0; i < moe_blocks_.size(); ++i) {
    const MoeLayer& layer = moe_layer(i);
    const double unused =
        static_cast<double>(layer.expert().experts()) - layer.router().traits().cost.rows_per_token;
    active -= std::max(0.0, unused) * static_cast<double>(layer.expert().parameters_per_expert());
  }
  return active;
}

double Transformer::flops_per_token() const {
  const auto D = static_cast<double>(width_), S = static_cast<double>(shape_.length);
  const double keys = shape_.causal ? (S + 1) / 2 : S;  // seen by a query, on average
  double forward = patches_ ? 2 * D * static_cast<double>(shape_.features) : 0;
  for (const auto& block : blocks_) {
    forward += 8 * D * D + 4 * D * keys;
    if (block->moe() == nullptr) {
      forward += block->feed_forward()->flops_per_row();
      continue;
    }
    const MoeLayer& layer = *block->moe();
    const Cost& cost = layer.router().traits().cost;
    forward += cost.rows_per_token * layer.expert().flops_per_row() + cost.router_flops +
               cost.merge_flops * static_cast<double>(layer.expert().parameters_per_expert());
    if (layer.shared() != nullptr) forward += layer.shared()->flops_per_row();
  }
  forward += 2 * D * static_cast<double>(shape_.outputs) / (shape_.pooled ? S : 1);
  return 3 * forward;
}

}  // namespace moesim
