// The options of upcycling, and the scales that restore the output of the dense network.
#include "sim/core/error.hpp"
#include "sim/train/upcycle.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

void multiply(const Tensor& tensor, double factor) {
  std::vector<real> values = tensor.to_host();
  for (real& value : values) value = static_cast<real>(static_cast<double>(value) * factor);
  if (factor != 1) tensor.from_host(values);
}

void scale_layer(Upcycling::Scale scale, const UpcycledLayer& layer, const Expert& bank,
                 double gate_sum) {
  const double groups = static_cast<double>(layer.groups), s = groups / gate_sum;
  const HiddenUnits units = bank.hidden_units();
  const double each = std::pow(s, 1.0 / units.factors);
  std::map<std::string, Tensor> tensors;
  for (const Parameter& p : bank.parameters()) tensors[p.name] = p.value;
  for (const auto& part : units.parts) {
    const Tensor& tensor = tensors.at(part.name);
    const bool out = part.role == HiddenUnits::Role::out || part.role == HiddenUnits::Role::whole;
    if (scale == Upcycling::Scale::even) {
      if (out || part.role == HiddenUnits::Role::in || part.role == HiddenUnits::Role::in_bias)
        multiply(tensor, each);
    } else if (out) {
      multiply(tensor, s);
    } else if (part.role == HiddenUnits::Role::out_bias) {
      multiply(tensor, s / groups);
    }
  }
}

}  // namespace

Upcycling Upcycling::read(Options& init) {
  static constexpr Named<Scale> kScales[] = {{"exact", Scale::exact},
                                             {"even", Scale::even},
                                             {"none", Scale::none},
                                             {"calibrated", Scale::calibrated}};
  static constexpr Named<Router> kRouters[] = {
      {"normal", Router::normal}, {"zero", Router::zero}, {"copy", Router::copy}};
  Upcycling how;
  how.scale = init.choice(
      "scale", Scale::exact, kScales,
      "upcycle: what restores the output of the dense network: the last matrix times the inverse "
      "of "
      "the sum of a token's gates at equal logits; the same over all matrices (He et al. 2024); "
      "calibrated: exact with the mean sum on validation data");
  how.router =
      init.choice("router", Router::normal, kRouters,
                  "upcycle: parameters of a router with a value per expert: drawn, zero, or "
                  "those of init.from");
  how.deviation = init.number("router_deviation", 0.02, {0, 1e6},
                              "upcycle: standard deviation of a drawn router");
  how.noise = init.number("noise", 0, {0, 1e6},
                          "upcycle: every weight of an expert is multiplied by 1 + noise N(0, 1)");
  how.drop =
      init.number("drop", 0, {0, 1},
                  "upcycle: share of an expert's hidden units that is drawn again, with mean "
                  "and deviation of what it replaces (Drop-Upcycling)");
  for (const char* key : kKeys) init.keep_silent(key);
  return how;
}

std::vector<double> scale_experts(const Upcycling& how, const std::vector<UpcycledLayer>& layers,
                                  const Transformer& model,
                                  const std::function<std::vector<GateSum>()>& measure) {
  std::vector<double> used(layers.size(), 1);
  if (how.scale == Upcycling::Scale::none) return used;
  const bool calibrated = how.scale == Upcycling::Scale::calibrated;
  std::vector<GateSum> sums;
  if (!calibrated) {  // at equal logits
    std::vector<std::vector<real>> kept;
    for (const UpcycledLayer& layer : layers)
      for (const Parameter& p : layer.by_expert) {
        kept.push_back(p.value.to_host());
        p.value.from_host(std::vector<real>(kept.back().size(), 0));
      }
    sums = measure();
    auto next = kept.begin();
    for (const UpcycledLayer& layer : layers)
      for (const Parameter& p : layer.by_expert) p.value.from_host(*next++);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const UpcycledLayer& layer = layers[i];
    if (calibrated) sums = measure();  // the scale of a layer changes the input of the next
    used[i] = sums.at(layer.number).mean;
    if (!(used[i] > 0))
      fail(Exit::usage,
           fmt::format("init.method = upcycle: {}experts: the gates of tokens sum to 0, "
                       "which no scale restores; set init.scale = none",
                       layer.name));
    scale_layer(how.scale, layer, model.moe_layer(layer.number).expert(), used[i]);
  }
  return used;
}

}  // namespace moesim
