// ModelConfig is the architecture of a model, read from its settings.
#pragma once

#include "sim/backend/kernels.hpp"
#include "sim/config/options.hpp"
#include "sim/nn/self_attention.hpp"

#include <string>

namespace moesim {

enum class Positions { learned, rotary };
inline constexpr Named<Positions> kPositions[] = {{"learned", Positions::learned},
                                                  {"rotary", Positions::rotary}};

inline constexpr Named<NormKind> kNorms[] = {{"layer", NormKind::layer}, {"rms", NormKind::rms}};

// Match is the quantity in which the model equals the dense one (sim/model/match.hpp).
enum class Match { none, active_flops, active_parameters, total_parameters };
inline constexpr Named<Match> kMatches[] = {{"none", Match::none},
                                            {"active_flops", Match::active_flops},
                                            {"active_parameters", Match::active_parameters},
                                            {"total_parameters", Match::total_parameters}};

// The part of a block that the MoE layer replaces.
enum class MoeAt { feed_forward, attention, block };
inline constexpr Named<MoeAt> kMoeAt[] = {{"feed_forward", MoeAt::feed_forward},
                                          {"attention", MoeAt::attention},
                                          {"block", MoeAt::block}};

struct ModelConfig {
  // [model]
  index layers = 0, width = 0, heads = 0;
  index kv_heads = 0, head_width = 0;  // as in AttentionConfig
  QkNorm qk_norm = QkNorm::none;
  NormKind norm = NormKind::layer;
  Positions positions = Positions::learned;
  bool tied = false;  // the head is the transposed embedding
  bool bias = false;
  double dropout = 0;
  // [moe]
  index experts = 0;      // as configured; the router may route over another number
  index every = 0;        // every n-th block has an MoE layer,
  index first_dense = 0;  // but none of the first blocks
  MoeAt at = MoeAt::feed_forward;
  index shared = 0;  // experts that process every token
  index latent = 0;  // width of the routed experts; 0: model.width
  Match match = Match::none;
  bool output_norm = false;
  // Names of the plug-ins, and the configured hidden width of an expert.
  std::string router, expert;
  index hidden = 0;
  double expert_dropout = 0;  // on hidden values of the experts
  // [feed_forward]: the networks of blocks without MoE layer, or next to an MoE layer in place of
  // attention.
  std::string feed_forward, feed_forward_section;
  index feed_forward_hidden = 0;
};

// Reads [model], [moe], [feed_forward], and router.name, expert.name and expert.hidden. Replaces
// preset.scale by the sizes that it scales.
ModelConfig read_model_config(Settings& settings);

}  // namespace moesim
