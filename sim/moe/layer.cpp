#include "sim/moe/layer.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

Tensor execute(const Assignment& plan, const Tensor& x, const Expert& expert) {
  const Tensor rows = plan.token ? gather_rows(x, plan.token) : x;
  const Tensor u = expert.apply(rows, plan.experts);
  Tensor y;
  if (plan.token)
    y = combine_rows(u, plan.gate, plan.token, x.rows());
  else
    y = plan.gate ? mul_column(u, plan.gate) : u;
  return plan.bypass ? add(y, mul_column(x, plan.bypass)) : y;
}

Tensor execute(const Mixing& plan, const Tensor& x, const Expert& expert) {
  const index groups = plan.dispatch.dim(0), places = plan.dispatch.dim(1),
              slots = plan.dispatch.dim(2);
  const index width = x.cols(), experts = slots / plan.slots_per_expert;
  const index block = plan.slots_per_expert * width;  // the slots of one expert in one group
  const Tensor placed = plan.order ? gather_rows(x, plan.order) : x;
  const Tensor mixed =
      batched_matmul(plan.dispatch, placed.reshape({groups, places, width}), {.a = true});
  const index rows = groups * slots;
  const Tensor sorted = swap_blocks(mixed, groups, experts, block).reshape({rows, width});
  const Tensor u = expert.apply(sorted, equal_segments(experts, rows / experts, x.backend()));
  const Tensor back = swap_blocks(u, experts, groups, block).reshape({groups, slots, width});
  const Tensor y = batched_matmul(plan.combine, back).reshape({groups * places, width});
  return plan.order ? combine_rows(y, {}, plan.order, x.rows()) : y;
}

Tensor execute(const Merging& plan, const Tensor& x, const Expert& expert) {
  Segments groups = plan.groups;
  groups.mix = plan.weights;
  return expert.apply(x, groups);
}

Tensor execute(const Custom& plan, const Tensor& x, const Expert& expert) {
  return plan.apply(x, expert);
}

}  // namespace

std::string plan_name(const Routing& routing) {
  static const char* const names[] = {"assignment", "mixing", "merging", "custom"};
  return names[routing.plan.index()];
}

std::string to_string(Sees sees) {
  switch (sees) {
    case Sees::past:
      return "past";
    case Sees::sequence:
      return "sequence";
    case Sees::batch:
      return "batch";
  }
  return "unknown";
}

Tensor Expert::apply(const Tensor& rows, const Segments& segments) const {
  const Span span(Part::experts);
  const std::vector<Tensor> own = weights();
  return apply(rows, segments, own);
}

index Expert::parameters_per_expert() const {
  index total = 0;
  for (const Tensor& w : weights()) total += w.size() / w.dim(0);
  return total;
}

Tensor execute(const Routing& routing, const Tensor& x, const Expert& expert) {
  return std::visit([&](const auto& plan) { return execute(plan, x, expert); }, routing.plan);
}

MoeLayer::MoeLayer(std::unique_ptr<Router> router, std::unique_ptr<Expert> expert,
                   std::unique_ptr<Expert> shared, bool output_norm, index width)
    : router_(std::move(router)), expert_(std::move(expert)), shared_(std::move(shared)) {
  child("router", *router_);
  child("experts", *expert_);
  if (shared_) child("shared", *shared_);
  if (output_norm) {
    norm_gain_ = parameter("norm.gain", {width}, Init::constant(1), false);
    norm_bias_ = parameter("norm.bias", {width}, Init::constant(0), false);
  }
}

Tensor MoeLayer::forward(const Tokens& tokens, std::vector<Loss>& losses) {
  const Span span(Part::routing);
  Routing routing = router_->route(tokens);
  Tensor y = execute(routing, tokens.x, *expert_);
  if (norm_gain_) y = normalize(NormKind::layer, y, norm_gain_, norm_bias_);
  if (shared_)
    y = add(y, shared_->apply(tokens.x, equal_segments(1, tokens.x.rows(), tokens.x.backend())));
  losses.insert(losses.end(), routing.losses.begin(), routing.losses.end());
  if (tokens.context.on_routing) {
    const Span recording(Part::recording);
    tokens.context.on_routing(tokens.context.layer, routing);
  }
  if (tokens.context.training) last_ = std::move(routing);
  return y;
}

void MoeLayer::after_step() {
  router_->after_step(last_);
  last_ = {};
}

}  // namespace moesim
