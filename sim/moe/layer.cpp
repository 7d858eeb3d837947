#include "sim/moe/layer.hpp"

#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// Gathers the token of every row, runs the experts, and combines. One order of rows by token serves
// gather and combine.
Tensor execute(const Assignment& plan, const Tokens& tokens, const Expert& expert) {
  const Tensor& x = tokens.x;
  const RowOrder order = plan.token ? order_by(plan.token, x.rows()) : RowOrder();
  const Tensor rows = plan.token ? gather_rows(x, plan.token, order) : x;
  const Tensor u = expert.apply({.x = plan.scale ? mul_column(rows, plan.scale) : rows,
                                 .segments = plan.experts,
                                 .token = plan.token,
                                 .tokens = &tokens});
  if (tokens.context.on_outputs) tokens.context.on_outputs(tokens.context.layer, plan, u);
  Tensor y;
  if (plan.token)
    y = combine_rows(u, plan.gate, plan.token, x.rows(), order);
  else
    y = plan.gate ? mul_column(u, plan.gate) : u;
  if (plan.bypass) y = add(y, mul_column(x, plan.bypass));
  return plan.addend ? add(y, plan.addend) : y;
}

Tensor execute(const Mixing& plan, const Tokens& tokens, const Expert& expert) {
  const Tensor& x = plan.x ? plan.x : tokens.x;
  const index groups = plan.dispatch.dim(0), places = plan.dispatch.dim(1),
              slots = plan.dispatch.dim(2);
  const index width = x.cols(), experts = slots / plan.slots_per_expert;
  const index block = plan.slots_per_expert * width;  // the slots of one expert in one group
  const Tensor placed = plan.order ? gather_rows(x, plan.order) : x;
  const Tensor mixed =
      batched_matmul(plan.dispatch, placed.reshape({groups, places, width}), {.a = true});
  const index rows = groups * slots;
  const Tensor sorted = swap_blocks(mixed, groups, experts, block).reshape({rows, width});
  const Tensor u =
      expert.apply({.x = sorted, .segments = equal_segments(experts, rows / experts, x.backend())});
  const Tensor back = swap_blocks(u, experts, groups, block).reshape({groups, slots, width});
  const Tensor y = batched_matmul(plan.combine, back).reshape({groups * places, width});
  return plan.order ? combine_rows(y, {}, plan.order, x.rows()) : y;
}

Tensor execute(const Merging& plan, const Tokens& tokens, const Expert& expert) {
  return expert.apply(
      {.x = tokens.x, .segments = plan.groups, .merge = plan.weights, .tokens = &tokens});
}

Tensor execute(const Custom& plan, const Tokens& tokens, const Expert& expert) {
  return plan.apply(tokens.x, expert);
}

}  // namespace

std::string plan_name(const Routing& routing) {
  static const char* const names[] = {"assignment", "mixing", "merging", "custom"};
  return names[routing.plan.index()];
}

Tensor execute(const Routing& routing, const Tokens& tokens, const Expert& expert) {
  return std::visit([&](const auto& plan) { return execute(plan, tokens, expert); }, routing.plan);
}

Rows dense_rows(const Tokens& tokens) {
  return {.x = tokens.x,
          .segments = equal_segments(1, tokens.x.rows(), tokens.x.backend()),
          .tokens = &tokens};
}

StepLoad no_load(const Traits& traits, Backend& backend) {
  StepLoad load;
  load.demand = Indices::empty(traits.experts, backend);
  backend.zero(load.demand.data(), static_cast<std::size_t>(traits.experts) * sizeof(std::int32_t));
  for (const Shape& shape : traits.totals) load.totals.push_back(Tensor::zeros(shape, backend));
  return load;
}

void add(StepLoad& load, const Routing& routing, index tokens) {
  load.tokens += tokens;
  if (const auto* plan = std::get_if<Assignment>(&routing.plan); plan != nullptr && plan->demand)
    plan->demand.backend().add_indices(plan->demand.data(), load.demand.data(), load.demand.size());
  if (routing.totals.size() != load.totals.size())
    fail_in("router", fmt::format("route() returns {} totals, its traits declare {}",
                                  routing.totals.size(), load.totals.size()));
  for (std::size_t i = 0; i < load.totals.size(); ++i) {
    const Tensor &total = load.totals[i], &part = routing.totals[i];
    if (part.size() != total.size())
      fail_in("router", fmt::format("total {} is {}, its traits declare {}", i,
                                    part.shape().to_string(), total.shape().to_string()));
    total.backend().axpy(1, part.data(), total.data(), total.size());
  }
}

MoeLayer::MoeLayer(std::unique_ptr<Router> router, std::unique_ptr<Expert> expert,
                   std::unique_ptr<Expert> shared, bool output_norm, index width, index latent)
    : router_(std::move(router)), expert_(std::move(expert)), shared_(std::move(shared)) {
  child("router", *router_);
  child("experts", *expert_);
  if (shared_) child("shared", *shared_);
  if (latent > 0) {
    latent_down_ = parameter("latent_down", {width, latent}, Init::normal(0.02));
    latent_up_ =
        parameter("latent_up", {latent, width}, Init::normal(0.02 * expert_->site().output_scale));
  }
  if (output_norm) {
    norm_gain_ = parameter("norm.gain", {width}, Init::constant(1), false);
    norm_bias_ = parameter("norm.bias", {width}, Init::constant(0), false);
  }
}

// What a plan adds besides its experts has width D.
Tensor MoeLayer::execute_latent(const Routing& routing, const Tokens& tokens) const {
  Routing inside = routing;
  Tensor bypass, addend;
  if (auto* plan = std::get_if<Assignment>(&inside.plan))
    std::swap(bypass, plan->bypass), std::swap(addend, plan->addend);
  else if (auto* mixing = std::get_if<Mixing>(&inside.plan); mixing != nullptr && mixing->x)
    mixing->x = matmul(mixing->x, latent_down_);
  const Tensor z = execute(inside, tokens.with(matmul(tokens.x, latent_down_)), *expert_);
  Tensor y = matmul(z, latent_up_);
  if (bypass) y = add(y, mul_column(tokens.x, bypass));
  return addend ? add(y, addend) : y;
}

Tensor MoeLayer::forward(const Tokens& tokens, std::vector<Loss>& losses) {
  const Span span(Part::routing);
  Context& context = tokens.context;
  const bool counted = context.training && load_.demand;
  context.so_far = counted ? &load_ : nullptr;
  context.whole_step = counted && whole_step_.demand ? &whole_step_ : nullptr;
  Routing routing;
  if (!context.decide || !context.decide(context.layer, routing)) routing = router_->route(tokens);
  Tensor y = latent_down_ ? execute_latent(routing, tokens) : execute(routing, tokens, *expert_);
  if (norm_gain_) y = normalize(NormKind::layer, y, norm_gain_, norm_bias_);
  if (shared_) y = add(y, shared_->apply(dense_rows(tokens)));
  losses.insert(losses.end(), routing.losses.begin(), routing.losses.end());
  context.carry = routing.carry;
  if (context.on_routing) {
    const Span recording(Part::recording);
    context.on_routing(context.layer, routing);
  }
  if (counted) moesim::add(load_, routing, tokens.x.rows());
  return y;
}

void MoeLayer::begin_step(Backend& backend) {
  if (!load_.demand) {
    load_ = no_load(router_->traits(), backend);
    return;
  }
  load_.tokens = 0;
  backend.zero(load_.demand.data(),
               static_cast<std::size_t>(load_.demand.size()) * sizeof(std::int32_t));
  for (const Tensor& total : load_.totals)
    backend.zero(total.data(), static_cast<std::size_t>(total.size()) * sizeof(real));
}

void MoeLayer::keep_whole_step() {
  Backend& backend = load_.demand.backend();
  if (!whole_step_.demand) whole_step_ = no_load(router_->traits(), backend);
  whole_step_.tokens = load_.tokens;
  backend.copy(whole_step_.demand.data(), load_.demand.data(),
               static_cast<std::size_t>(load_.demand.size()) * sizeof(std::int32_t));
  for (std::size_t i = 0; i < load_.totals.size(); ++i)
    backend.copy(whole_step_.totals[i].data(), load_.totals[i].data(),
                 static_cast<std::size_t>(load_.totals[i].size()) * sizeof(real));
  begin_step(backend);
}

}  // namespace moesim
