#include "sim/model/architecture.hpp"

#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

namespace moesim {
namespace {

constexpr index kLargest = 1 << 20;

void read_model(Settings& settings, ModelConfig& c) {
  Options model(settings, "model");
  c.layers = model.integer("layers", 2, {1, 1024}, "transformer blocks");
  c.width = model.integer("width", 64, {1, kLargest}, "d_model, width of the residual stream");
  c.heads = model.integer("heads", 4, {1, 1024}, "attention heads");
  if (c.width % c.heads != 0) {
    index valid = c.heads;
    while (c.width % valid != 0) --valid;
    model.reject("heads", "does not divide model.width = " + std::to_string(c.width) +
                              "; the nearest that does is " + std::to_string(valid));
  }
  c.norm =
      model.choice("norm", NormKind::layer, kNorms, "normalisation before each part of a block");
  c.positions = model.choice("positions", Positions::learned, kPositions, "position encoding");
  if (c.positions == Positions::rotary && c.width / c.heads % 2 != 0)
    model.reject("positions", "rotary needs an even head size, width / heads is " +
                                  std::to_string(c.width / c.heads));
  c.tied = model.flag("tied", false, "the head is the transposed embedding");
  c.bias = model.flag("bias", true, "biases in attention, normalisation and head");
  c.dropout =
      model.number("dropout", 0, {0, 0.99}, "dropout rate on embeddings and outputs of branches");
}

void read_moe(Settings& settings, ModelConfig& c) {
  Options moe(settings, "moe");
  c.experts = moe.integer("experts", 8, {1, 4096}, "experts per MoE layer");
  c.every = moe.integer("every", 1, {1, 1024}, "every n-th block carries an MoE layer");
  if (c.every > c.layers)
    moe.reject("every",
               "no block would carry an MoE layer: model.layers = " + std::to_string(c.layers));
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
  read_model(settings, c);
  read_moe(settings, c);
  c.router = Options(settings, "router")
                 .choice("name", "token_choice", Registry<Router>::names(), "routing plug-in");
  Options expert(settings, "expert");
  c.expert = expert.choice("name", "mlp", Registry<Expert>::names(), "expert plug-in");
  c.hidden = expert.integer("hidden", 0, {0, kLargest},
                            "hidden width of an expert; 0: four times model.width");
  if (c.hidden == 0) c.hidden = 4 * c.width;
  read_feed_forward(settings, c);
  return c;
}

}  // namespace moesim
