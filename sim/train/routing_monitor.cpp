#include "sim/train/routing_monitor.hpp"

#include "sim/backend/backend.hpp"

namespace moesim {

RoutingMonitor::RoutingMonitor(const Transformer& model, Backend& backend, index domains)
    : model_(model), backend_(backend), domains_(domains), layers_(model.moe_blocks().size()) {}

void RoutingMonitor::attach(Context& context, const Example& example) {
  const Indices& domain = example.input.domains;
  const index tokens = example.input.batch * example.input.length;
  context.on_routing = [this, tokens, domain](index, const Routing& routing) {
    const index experts = model_.moe_layer(measurements_.size()).router().traits().experts;
    measurements_.push_back(measure(routing, tokens, experts, domain, domains_, backend_));
  };
}

void RoutingMonitor::collect() {
  if (measurements_.empty()) return;
  const Span span(Part::recording);
  for (std::size_t i = 0; i < measurements_.size(); ++i)
    layers_[i].add(statistics(measurements_[i]));
  measurements_.clear();
}

}  // namespace moesim
