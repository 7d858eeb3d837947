#include "sim/train/adapter.hpp"

#include "sim/core/error.hpp"
#include "sim/train/loading.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// Without the leading axis of one expert.
HostTensor network_of(const HostTensors& tensors, index block, const std::string& layer,
                      const Parameter& own, const std::string& name) {
  const HostTensor* dense = dense_part(tensors, block, name);
  const std::vector<std::int64_t> shape = lengths_of(own.value.shape());
  if (dense == nullptr ||
      !std::equal(shape.begin(), shape.end(), dense->shape.begin() + 1, dense->shape.end()))
    fail(
        Exit::usage,
        fmt::format("init.method = adapter: {}experts.{} is {}, and the dense run has {}; take its "
                    "expert.name and expert.hidden",
                    layer, own.name, own.value.shape().to_string(),
                    dense == nullptr ? "no network with a matrix " + name
                                     : fmt::format("({})", fmt::join(dense->shape, ", "))));
  return {shape, dense->values};
}

}  // namespace

std::vector<std::string> adapt(HostTensors& tensors, const Transformer& model) {
  std::vector<std::string> layers;
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const index block = model.moe_blocks()[i];
    const Expert& bank = model.moe_layer(i).expert();
    const std::string layer = fmt::format("blocks.{}.moe.", block);
    const std::vector<Parameter> parameters = bank.parameters();
    for (const Expert::Adapted& part : bank.adapted()) {
      const auto own = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& p) { return p.name == part.name; });
      tensors[layer + "experts." + part.name] = network_of(tensors, block, layer, *own, part.of);
      if (layers.empty() || layers.back() != layer) layers.push_back(layer);
    }
  }
  if (layers.empty())
    fail(Exit::usage,
         "init.method = adapter: the experts adapt no gated network; choose expert.name = lora, "
         "expert.lora.base = swiglu");
  return layers;
}

}  // namespace moesim
