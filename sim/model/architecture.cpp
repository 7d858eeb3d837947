#include "sim/model/architecture.hpp"

#include "sim/config/text.hpp"
#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace moesim {
namespace {

constexpr index kLargest = 1 << 20;

// True if the value was set by a preset: in a file of a folder `presets`. An origin is FILE:LINE.
bool is_of_preset(const Setting& setting) {
  std::error_code error;
  const std::filesystem::path file = setting.origin.substr(0, setting.origin.rfind(':'));
  const std::filesystem::path path = std::filesystem::absolute(file, error).lexically_normal();
  return !error && path.parent_path().filename() == "presets";
}

// Multiplies the widths and heads of a preset by preset.scale, once: the resolved settings contain
// the products, and no scale. What the user sets stands. What a preset stands for stays: experts and
// their width relative to the model's, heads of the same width, layers.
void apply_scale(Settings& settings) {
  constexpr const char* kScale = "preset.scale";
  Settings own;
  if (settings.has(kScale)) own.set(kScale, settings.values().at(kScale));
  Options options(own, "preset");
  const index scale =
      options.integer("scale", 1, {1, 64},
                      "factor on what a preset sets of model.width, model.heads, model.kv_heads, "
                      "expert.hidden, feed_forward.hidden and moe.latent");
  OptionInfo info = own.declared().at(kScale);
  info.former = true;  // not resolved
  settings.declare(info, own.effective(kScale));
  settings.unset(kScale);
  if (scale == 1) return;
  bool scaled = false;
  for (const char* key : {"model.width", "model.heads", "model.kv_heads", "expert.hidden",
                          "feed_forward.hidden", "moe.latent"}) {
    if (!settings.has(key) || !is_of_preset(settings.values().at(key))) continue;
    scaled = true;
    Setting setting = settings.values().at(key);
    index value = 0;  // the reader of the option rejects a text that is no number
    if (config::parse(setting.value, value) != std::errc{} || value < 0 || value > kLargest)
      continue;
    setting.value = std::to_string(scale * value);
    setting.origin += fmt::format(" times {} = {}", kScale, scale);
    settings.set(key, std::move(setting));
  }
  if (!scaled)
    options.reject("scale",
                   "has no effect: no size is a preset's; include one, e.g. include = "
                   "presets/mixtral.ini, or leave it out");
}

// The largest divisor of n that is at most m.
index divisor_below(index n, index m) {
  while (n % m != 0) --m;
  return m;
}

void read_heads(Options& model, ModelConfig& c) {
  c.head_width = model.integer("head_width", 0, {0, kLargest},
                               "width of an attention head; 0: model.width / model.heads");
  if (c.head_width == 0 && c.width % c.heads != 0)
    model.reject("heads", "does not divide model.width = " + std::to_string(c.width) +
                              "; the nearest that does is " +
                              std::to_string(divisor_below(c.width, c.heads)));
  c.kv_heads = model.integer("kv_heads", 0, {0, 1024},
                             "heads of keys and values, each for heads / kv_heads heads "
                             "(grouped-query attention); 0: model.heads");
  if (c.kv_heads > 0 && c.heads % c.kv_heads != 0)
    model.reject("kv_heads",
                 "does not divide model.heads = " + std::to_string(c.heads) +
                     "; the nearest that does is " +
                     std::to_string(divisor_below(c.heads, std::min(c.kv_heads, c.heads))));
  c.qk_norm = model.choice("qk_norm", QkNorm::none, kQkNorms,
                           "RMS norm of queries and keys: of each head (Qwen3), or over all heads "
                           "(OLMoE)");
}

void read_model(Settings& settings, ModelConfig& c) {
  Options model(settings, "model");
  c.layers = model.integer("layers", 2, {1, 1024}, "transformer blocks");
  c.width = model.integer("width", 64, {1, kLargest}, "d_model, width of the residual stream");
  c.heads = model.integer("heads", 4, {1, 1024}, "attention heads");
  read_heads(model, c);
  c.norm =
      model.choice("norm", NormKind::layer, kNorms, "normalisation before each part of a block");
  c.positions = model.choice("positions", Positions::learned, kPositions, "position encoding");
  const index head_width = c.head_width > 0 ? c.head_width : c.width / c.heads;
  if (c.positions == Positions::rotary && head_width % 2 != 0)
    model.reject("positions", std::string("rotary needs an even head size, ") +
                                  (c.head_width > 0 ? "head_width" : "width / heads") + " is " +
                                  std::to_string(head_width));
  c.tied = model.flag("tied", false, "the head is the transposed embedding");
  c.bias = model.flag("bias", true, "biases in attention, normalisation and head");
  c.dropout =
      model.number("dropout", 0, {0, 0.99}, "dropout rate on embeddings and outputs of branches");
}

void read_moe(Settings& settings, ModelConfig& c) {
  Options moe(settings, "moe");
  c.experts = moe.integer("experts", 8, {1, 4096}, "experts per MoE layer");
  c.every = moe.integer(
      "every", 1, {1, 1024},
      "every n-th block carries an MoE layer: the first is block n - 1, counted from 0");
  if (c.every > c.layers)
    moe.reject("every",
               "no block would carry an MoE layer: model.layers = " + std::to_string(c.layers));
  c.first_dense = moe.integer("first_dense", 0, {0, 1023}, "first blocks without MoE layer");
  if (c.first_dense >= c.layers / c.every * c.every)
    moe.reject("first_dense",
               "no block would carry an MoE layer: with every = " + std::to_string(c.every) +
                   " the last is block " + std::to_string(c.layers / c.every * c.every - 1) +
                   ", counted from 0; set a smaller number");
  c.at = moe.choice("at", MoeAt::feed_forward, kMoeAt,
                    "part that the MoE layer replaces; block: the experts are whole blocks");
  c.shared =
      moe.integer("shared", 0, {0, 64}, "further experts that process every token, without gate");
  c.latent = moe.integer("latent", 0, {0, kLargest},
                         "width of the routed experts, between two projections; 0: model.width");
  if (c.latent > 0 && c.at != MoeAt::feed_forward)
    moe.reject("latent", "experts that are blocks or attention have model.width; set latent = 0");
  c.match = moe.choice("match", Match::none, kMatches,
                       "sizes the experts so that this quantity equals that of the dense model "
                       "of the same settings");
  if (c.match != Match::none && c.at == MoeAt::block)
    moe.reject("match",
               "the width of experts that are blocks is that of [feed_forward]; set it there");
  c.output_norm = moe.flag("output_norm", false, "LayerNorm on the output of an MoE layer");
}

void read_feed_forward(Settings& settings, ModelConfig& c) {
  Options options(settings, "feed_forward");
  std::vector<std::string> names{"expert"};
  for (const std::string& name : Registry<Expert>::names()) names.push_back(name);
  const std::string name = options.choice(
      "name", "expert", names, "the network of blocks without MoE; expert: as [expert] says");
  c.feed_forward = name == "expert" ? c.expert : name;
  c.feed_forward_section = name == "expert" ? "expert" : "feed_forward";
  const index hidden = options.integer("hidden", 0, {0, kLargest},
                                       "hidden width of this network; 0: that of [expert]");
  c.feed_forward_hidden = hidden == 0 ? c.hidden : hidden;
}

}  // namespace

ModelConfig read_model_config(Settings& settings) {
  ModelConfig c;
  apply_scale(settings);
  read_model(settings, c);
  read_moe(settings, c);
  c.router = Options(settings, "router")
                 .choice("name", "token_choice", Registry<Router>::names(), "routing plug-in");
  Options expert(settings, "expert");
  c.expert = expert.choice("name", "mlp", Registry<Expert>::names(), "expert plug-in");
  c.hidden = expert.integer("hidden", 0, {0, kLargest},
                            "hidden width of an expert; 0: four times model.width");
  if (c.hidden == 0) c.hidden = 4 * c.width;
  c.expert_dropout = expert.number("dropout", 0, {0, 0.99},
                                   "dropout rate on the hidden values of the experts of MoE layers "
                                   "(Fedus et al. 2022); model.dropout is that elsewhere");
  expert.keep_silent("dropout");
  if (c.expert_dropout > 0 && c.at != MoeAt::feed_forward)
    expert.reject("dropout", "experts that are blocks or attention have no dropout; set 0");
  if (c.expert_dropout > 0)
    expert.explain(Topic::state,
                   fmt::format("in training each hidden value of an expert is 0 with probability "
                               "{0:g}, else divided by {1:g}; the draws depend on step, layer, "
                               "token and expert; model.dropout = {2:g} elsewhere",
                               c.expert_dropout, 1 - c.expert_dropout, c.dropout));
  read_feed_forward(settings, c);
  return c;
}

}  // namespace moesim
