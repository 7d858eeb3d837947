#include "sim/train/trace_monitor.hpp"

#include "sim/backend/backend.hpp"

#include <algorithm>
#include <utility>

namespace moesim {

TraceMonitor::TraceMonitor(const Transformer& model) : model_(model) {
  trace_.layers.resize(model.moe_blocks().size());
  trace_.fixed = true;
  for (std::size_t i = 0; i < trace_.layers.size(); ++i)
    trace_.fixed = trace_.fixed && model.moe_layer(i).router().traits().fixed_choices;
}

void TraceMonitor::attach(Context& context, const Example& example) {
  first_ = trace_.tokens;
  layer_ = 0;
  const index tokens = example.input.batch * example.input.length;
  trace_.tokens += tokens;
  trace_.length = std::max(trace_.length, example.input.length);
  trace_.pass_tokens = std::max(trace_.pass_tokens, tokens);
  if (example.input.ids) {
    const std::vector<std::int32_t> ids = example.input.ids.to_host();
    trace_.ids.insert(trace_.ids.end(), ids.begin(), ids.end());
  }
  trace_.domains.insert(trace_.domains.end(), example.domains.begin(), example.domains.end());
  context.traced = true;
  context.on_routing = [this, before = std::move(context.on_routing)](index layer,
                                                                      const Routing& routing) {
    if (before) before(layer, routing);
    const index experts = model_.moe_layer(layer_).router().traits().experts;
    append(trace_.layers[layer_], trace_of(routing, experts), first_);
    ++layer_;
  };
}

StepTrace TraceMonitor::take() {
  for (LayerTrace& layer : trace_.layers) sort_by_expert(layer);
  return std::exchange(trace_, {});
}

}  // namespace moesim
