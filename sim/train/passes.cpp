#include "sim/train/passes.hpp"

#include "sim/backend/backend.hpp"
#include "sim/train/eager_passes.hpp"
#include "sim/train/replayed_passes.hpp"

#include <utility>

namespace moesim {
namespace {

bool capturable(const Transformer& model) {
  for (std::size_t i = 0; i < model.moe_blocks().size(); ++i)
    if (!model.moe_layer(i).router().traits().capturable) return false;
  return true;
}

}  // namespace

std::unique_ptr<Passes> make_passes(Transformer& model, Backend& backend, index domains,
                                    bool graphs, bool taught) {
  const auto eager = [&](const char* why) {
    return std::make_unique<EagerPasses>(model, backend, domains, why);
  };
  std::unique_ptr<Replay> replay = backend.replay();
  if (!replay) return eager("");
  if (!graphs) return eager("run.graphs = off");
  if (taught) return eager("a teacher runs in every step");
  if (!capturable(model)) return eager("the router's kernel launches may change from step to step");
  return std::make_unique<ReplayedPasses>(model, backend, domains, std::move(replay));
}

}  // namespace moesim
