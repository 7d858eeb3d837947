#include "sim/model/architecture.hpp"

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

namespace moesim {
namespace {

constexpr index kLargest = 1 << 20;

void read_model(Settings& settings, ModelConfig& c) {
  Options model(settings, "model");
  c.layers = model.integer("layers", 2, {1, 1024}, "transformer blocks");
  c.width = model.integer("width", 64, {1, kLargest}, "of the residual stream");
  c.heads = model.integer("heads", 4, {1, 1024}, "of attention");
  if (c.width % c.heads != 0) {
    index valid = c.heads;
    while (c.width % valid != 0) --valid;
    model.reject("heads", "does not divide model.width = " + std::to_string(c.width) +
                              "; the nearest that does is " + std::to_string(valid));
  }
  c.norm =
      model.choice("norm", NormKind::layer, kNorms, "normalisation before each part of a block");
  c.positions =
      model.choice("positions", Positions::learned, kPositions, "how positions are known");
  if (c.positions == Positions::rotary && c.width / c.heads % 2 != 0)
    model.reject("positions", "rotary needs an even head size, width / heads is " +
                                  std::to_string(c.width / c.heads));
  c.tied = model.flag("tied", false, "the head shares the embedding's values");
  c.bias = model.flag("bias", true, "biases in attention, normalisation and head");
  c.dropout = model.number("dropout", 0, {0, 0.99}, "on embeddings and on what blocks add");
}

void read_moe(Settings& settings, ModelConfig& c) {
  Options moe(settings, "moe");
  c.experts = moe.integer("experts", 8, {1, 4096}, "experts per MoE layer");
  c.every = moe.integer("every", 1, {1, 1024}, "every n-th block carries an MoE layer");
  if (c.every > c.layers)
    moe.reject("every",
               "no block would carry an MoE layer: model.layers = " + std::to_string(c.layers));
  c.at = moe.choice("at", MoeAt::feed_forward, kMoeAt,
                    "what the MoE layer takes the place of; block: the experts are whole blocks");
  c.shared = moe.integer("shared", 0, {0, 64}, "experts that every token passes besides, ungated");
  c.match = moe.choice("match", Match::none, kMatches,
                       "size the experts so that the model has this in common with the dense one "
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
  const index hidden =
      options.integer("hidden", 0, {0, kLargest}, "its hidden width; 0: that of [expert]");
  c.feed_forward_hidden = hidden == 0 ? c.hidden : hidden;
}

}  // namespace

ModelConfig read_model_config(Settings& settings) {
  ModelConfig c;
  read_model(settings, c);
  read_moe(settings, c);
  c.router =
      Options(settings, "router")
          .choice("name", "token_choice", Registry<Router>::names(), "how tokens and experts meet");
  Options expert(settings, "expert");
  c.expert = expert.choice("name", "mlp", Registry<Expert>::names(), "what an expert is");
  c.hidden = expert.integer("hidden", 0, {0, kLargest},
                            "hidden width of an expert; 0: four times model.width");
  if (c.hidden == 0) c.hidden = 4 * c.width;
  read_feed_forward(settings, c);
  return c;
}

}  // namespace moesim
