// Upcycling makes the experts of a model from the feed-forward networks of a trained dense one
// (Komatsuzaki et al. 2023; He et al. 2024, virtual groups).
//
// A dense network of hidden width H becomes E experts of width H / G: expert e has hidden units
// (e mod G) H/G, ... of it, so that R = E / G experts have the same. A new router has R rows, each
// for G consecutive experts: their logits tie, and top-k takes whole groups.
//
// With γ the sum of a token's gates, the experts give γ/G times the output of the dense network.
// Scaling restores it: exact multiplies the matrix out of the hidden layer by s = G/γ and its bias
// by s/G; even multiplies each of the f factors of the output by s^(1/f) and leaves the output bias.
#pragma once

#include "sim/config/options.hpp"
#include "sim/model/transformer.hpp"
#include "sim/train/gate_sum.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace moesim {

// HostTensor is a tensor of a checkpoint.
struct HostTensor {
  std::vector<std::int64_t> shape;
  std::vector<real> values;
};
using HostTensors = std::map<std::string, HostTensor>;  // by name

// The tensor of this name in the dense network of a block: that of a block without MoE layer, or the
// one expert of an MoE layer without routing. Null: there is none.
const HostTensor* dense_part(const HostTensors& tensors, index block, const std::string& name);

struct Upcycling {
  // calibrated: as exact, with the mean γ of a batch of validation data; else γ is that of equal
  // logits.
  enum class Scale { exact, even, none, calibrated };
  enum class Router { normal, zero, copy };
  Scale scale = Scale::exact;
  Router router = Router::normal;
  double deviation = 0.02;  // of a normal router
  double noise = 0;         // weights are multiplied by 1 + noise · N(0, 1)
  double drop = 0;          // share of an expert's hidden units that is drawn again

  static constexpr const char* kKeys[] = {"scale", "router", "router_deviation", "noise", "drop"};
  static Upcycling read(Options& init);
};

// UpcycledLayer is an MoE layer whose experts were made.
struct UpcycledLayer {
  std::size_t number = 0;            // of the MoE layers
  std::string name;                  // "blocks.0.moe."
  index copies = 1, groups = 1;      // R and G
  std::vector<Parameter> by_expert;  // of the router: those with a row or column per expert
};

// Adds tensors for the parameters of the model's experts, and of new routers, to those of a dense
// model, and tensors of dense blocks under the model's names. Layers whose experts the source has
// already are left alone. Throws Exit::usage if the sizes do not allow it.
std::vector<UpcycledLayer> upcycle(const Upcycling& how, HostTensors& tensors,
                                   const Transformer& model, std::uint64_t seed);

// Scales the experts of these layers in the model, which has their values. measure: the sums of
// gates of the model as it is. -> the sums that were used, one per layer
std::vector<double> scale_experts(const Upcycling& how, const std::vector<UpcycledLayer>& layers,
                                  const Transformer& model,
                                  const std::function<std::vector<GateSum>()>& measure);

}  // namespace moesim
