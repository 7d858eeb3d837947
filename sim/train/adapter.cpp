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
    fail(Exit::usage,
         fmt::format("init.method = adapter: {}experts.{} is {}, and init.from has {}; it needs a "
                     "dense run with expert.name = swiglu and the same expert.hidden",
                     layer, own.name, own.value.shape().to_string(),
                     dense == nullptr ? "no network with a matrix " + name
                                      : fmt::format("({})", fmt::join(dense->shape, ", "))));
  return {shape, dense->values};
}

}  // namespace

void explain_adapting(const Options& init, const Transformer& model) {
  if (model.adapters() != nullptr) init.explain(Topic::state, "adapters are drawn");
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i)
    if (!model.moe_layer(i).expert().adapted().empty()) {
      init.explain(Topic::state,
                   "the networks that experts adapt are its dense ones; what experts add to them, "
                   "and routers, are drawn");
      return;
    }
}

std::set<std::string> adapt(HostTensors& tensors, const Transformer& model) {
  std::set<std::string> drawn;
  if (model.adapters() != nullptr)
    for (const Parameter& p : model.adapters()->parameters()) drawn.insert("adapters." + p.name);
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i) {
    const index block = model.moe_blocks()[i];
    const MoeLayer& moe = model.moe_layer(i);
    const std::string layer = fmt::format("blocks.{}.moe.", block);
    const std::vector<Expert::Adapted> parts = moe.expert().adapted();
    if (parts.empty()) continue;
    const std::vector<Parameter> parameters = moe.expert().parameters();
    for (const Parameter& p : parameters) drawn.insert(layer + "experts." + p.name);
    for (const Expert::Adapted& part : parts) {
      const auto own = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const Parameter& p) { return p.name == part.name; });
      const std::string name = layer + "experts." + part.name;
      tensors[name] = network_of(tensors, block, layer, *own, part.of);
      drawn.erase(name);
    }
    for (const Parameter& p : moe.router().parameters()) drawn.insert(layer + "router." + p.name);
    for (const Parameter& p : moe.router().buffers()) drawn.insert(layer + "router." + p.name);
  }
  if (drawn.empty())
    fail(Exit::usage,
         "init.method = adapter: nothing is adapted; set adapter.kind, or choose expert.name = "
         "lora, "
         "expert.lora.base = swiglu");
  return drawn;
}

}  // namespace moesim
