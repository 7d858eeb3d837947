#include "sim/train/weight_monitor.hpp"

#include <algorithm>
#include <utility>

namespace moesim {
namespace {

// Of one sequence in all layers, if these are alike: both weights.
double bytes_of_sequence(const Mixing& plan, std::size_t layers) {
  return 2.0 * sizeof(float) * static_cast<double>(layers) *
         static_cast<double>(plan.dispatch.dim(1) * plan.dispatch.dim(2));
}

}  // namespace

void WeightMonitor::attach(Context& context, const Example& example) {
  layer_ = 0;
  first_token_ = next_token_;
  next_token_ += example.input.batch * example.input.length;
  first_sequence_ = weights_.sequences;
  weights_.sequences += example.input.batch;
  context.on_routing = [this, sequences = example.input.batch,
                        before = std::move(context.on_routing)](index layer,
                                                                const Routing& routing) {
    if (before) before(layer, routing);
    take(routing, sequences);
    ++layer_;
  };
}

void WeightMonitor::take(const Routing& routing, index sequences) {
  const index block = model_.moe_blocks()[layer_];
  const std::string kind = plan_name(routing);
  if (weights_.plan.find(kind) == std::string::npos)
    weights_.plan += (weights_.plan.empty() ? "" : ",") + kind;
  if (std::optional<MergingMap> map = merging_map(routing))
    weights_.mergings.push_back({block, first_token_, *std::move(map)});
  const auto* plan = std::get_if<Mixing>(&routing.plan);
  if (plan == nullptr) return;
  weights_.unordered = weights_.unordered || bool(plan->order);
  if (layer_ == 0) {
    const double each = bytes_of_sequence(*plan, model_.moe_blocks().size());
    const double used = weights_.bytes_each * static_cast<double>(weights_.written);
    weights_.bytes_each = std::max(weights_.bytes_each, each);
    // The first sequences: none after one that was left out.
    take_ = weights_.written < first_sequence_
                ? 0
                : std::min(sequences, static_cast<index>((most_bytes_ - used) / each));
    if (!plan->order) weights_.written += take_;
  }
  if (take_ == 0) return;
  if (std::optional<MixingMap> map = mixing_map(routing, take_))
    weights_.mixings.push_back({block, first_sequence_, *std::move(map)});
}

}  // namespace moesim
