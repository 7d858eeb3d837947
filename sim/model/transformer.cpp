#include "sim/model/transformer.hpp"

#include "sim/config/name_patterns.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/model/architecture.hpp"
#include "sim/model/block_maker.hpp"
#include "sim/model/match.hpp"
#include "sim/nn/past.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace moesim {
namespace {

Tensor drop(const Tensor& x, real rate, const Context& context) {
  return context.training ? dropout(x, rate, context.stream(Purpose::dropout)) : x;
}

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

  BlockMaker make(a, settings, site, shape.causal, hidden_);
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
  Tokens tokens = tokens_of(drop(x, static_cast<real>(dropout_), context), input.batch,
                            input.length, input.ids, context);
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
