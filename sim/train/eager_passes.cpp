#include "sim/train/eager_passes.hpp"

#include "sim/train/gradient_tree.hpp"
#include "sim/train/routing_monitor.hpp"

#include <optional>
#include <utility>

namespace moesim {

EagerPasses::EagerPasses(Transformer& model, Backend& backend, index domains, std::string why)
    : model_(model),
      backend_(backend),
      domains_(domains),
      why_(std::move(why)),
      parameters_(model.parameters()) {}

StepOutcome EagerPasses::run(const StepBatch& batch, Watch watch) {
  StepOutcome outcome;
  std::optional<RoutingMonitor> monitor;
  std::optional<TraceMonitor> tracer;
  if (watch.routing) monitor.emplace(model_, backend_, domains_);
  if (watch.trace) tracer.emplace(model_);
  model_.begin_step(backend_);
  count_whole_step(model_, batch.parts(), [&](index part) { return batch.micro_batch(part); });
  sum_gradients(parameters_, batch.parts(), [&](index part) {
    MicroBatch micro_batch = batch.micro_batch(part);
    if (monitor) monitor->attach(micro_batch.context, micro_batch.example);
    if (tracer) tracer->attach(micro_batch.context, micro_batch.example);
    const PassLosses losses = run_pass(model_, micro_batch);
    // Losses are read only after the whole pass is queued: reading synchronises with the device.
    outcome.losses.add(losses, batch.parts());
    if (monitor) monitor->collect();
  });
  if (monitor) outcome.layers = std::move(monitor->layers());
  if (tracer) outcome.trace = tracer->take();
  return outcome;
}

}  // namespace moesim
