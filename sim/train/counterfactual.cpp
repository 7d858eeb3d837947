#include "sim/train/counterfactual.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr index kTokensOfPass = 8192;  // of the copies that run together

// Why the routing has no counterfactuals; "": it has.
std::string refusal_of(const Routing& routing) {
  const auto* plan = std::get_if<Assignment>(&routing.plan);
  if (plan != nullptr && plan->token) return {};
  return "its routers send no whole tokens to experts: " +
         (plan == nullptr ? "their plans are " + plan_name(routing)
                          : std::string("one network takes all tokens"));
}

LayerPlan plan_of(const Routing& routing, const Router& router, index batch, index length) {
  const auto* plan = std::get_if<Assignment>(&routing.plan);
  LayerPlan host;
  host.experts = router.traits().experts;
  host.gated = static_cast<bool>(plan->gate), host.scaled = static_cast<bool>(plan->scale);
  host.bypass = plan->bypass, host.addend = plan->addend;
  if (routing.scores && routing.scores.rows() == batch * length &&
      routing.scores.cols() >= host.experts)
    host.scores = routing.scores.to_host(), host.columns = routing.scores.cols();
  const std::vector<std::int32_t> offset = plan->experts.offset.to_host(),
                                  token = plan->token.to_host();
  const std::vector<real> gate = host.gated ? plan->gate.to_host() : std::vector<real>(),
                          scale = host.scaled ? plan->scale.to_host() : std::vector<real>();
  host.rows.resize(static_cast<std::size_t>(batch));
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    for (auto i = static_cast<std::size_t>(offset[e]); i < static_cast<std::size_t>(offset[e + 1]);
         ++i) {
      if (token[i] < 0) continue;
      const auto L = static_cast<std::int32_t>(length);
      host.rows[static_cast<std::size_t>(token[i] / L)].push_back(
          {.expert = static_cast<std::int32_t>(e),
           .token = token[i] % L,
           .gate = host.gated ? gate[i] : real(1),
           .scale = host.scaled ? scale[i] : real(1)});
    }
  return host;
}

// Numbers of a token's rows, by falling gate, ties by expert.
std::vector<std::size_t> rows_of(const std::vector<PlannedRow>& rows, index position) {
  std::vector<std::size_t> own;
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (rows[i].token == position) own.push_back(i);
  std::stable_sort(own.begin(), own.end(),
                   [&](std::size_t a, std::size_t b) { return rows[a].gate > rows[b].gate; });
  return own;
}

std::vector<PlannedRow> replaced(std::vector<PlannedRow> rows, const Alternative& to) {
  const std::vector<std::size_t> own = rows_of(rows, to.position);
  if (own.size() != to.experts.size())
    fail_in("counterfactual", "another number of experts than the token has");
  for (std::size_t i = 0; i < own.size(); ++i) rows[own[i]].expert = to.experts[i];
  std::stable_sort(rows.begin(), rows.end(), [](const PlannedRow& a, const PlannedRow& b) {
    return a.expert != b.expert ? a.expert < b.expert : a.token < b.token;
  });
  return rows;
}

// The plan of copies of sequences, one after the other.
Assignment joined_plan(const LayerPlan& layer,
                       const std::vector<const std::vector<PlannedRow>*>& copies, index length,
                       Backend& backend) {
  std::vector<std::int32_t> offset(static_cast<std::size_t>(layer.experts) + 1, 0);
  for (const auto* rows : copies)
    for (const PlannedRow& row : *rows) ++offset[static_cast<std::size_t>(row.expert) + 1];
  for (std::size_t e = 1; e < offset.size(); ++e) offset[e] += offset[e - 1];
  std::vector<std::int32_t> next(offset.begin(), offset.end() - 1);
  const auto count = static_cast<std::size_t>(offset.back());
  std::vector<std::int32_t> token(count);
  std::vector<real> gate(count), scale(count);
  for (std::size_t c = 0; c < copies.size(); ++c)
    for (const PlannedRow& row : *copies[c]) {
      const auto at = static_cast<std::size_t>(next[static_cast<std::size_t>(row.expert)]++);
      token[at] = static_cast<std::int32_t>(static_cast<index>(c) * length) + row.token;
      gate[at] = static_cast<real>(row.gate), scale[at] = static_cast<real>(row.scale);
    }
  const auto rows = static_cast<index>(count);
  Assignment plan;
  plan.token = Indices::of(token, backend);
  plan.experts = {.offset = Indices::of(offset, backend), .rows = rows};
  if (layer.gated) plan.gate = Tensor::of({rows}, gate, backend);
  if (layer.scaled) plan.scale = Tensor::of({rows}, scale, backend);
  return plan;
}

}  // namespace

Counterfactuals::Counterfactuals(Transformer& model, const Example& example, const Context& context,
                                 Backend& backend)
    : model_(model), backend_(backend), context_(context), length_(example.input.length) {
  if (!example.input.ids) throw NoCounterfactual("its data have no token ids");
  const index batch = example.input.batch;
  if (example.targets.size() != batch * length_)
    throw NoCounterfactual("its task has one prediction per sequence");
  ids_ = example.input.ids.to_host(), targets_ = example.targets.to_host();
  Context pass = context;
  std::string refusal = "it has no MoE layer";
  bool first = true;
  pass.on_routing = [&](index, const Routing& routing) {
    if (first || refusal.empty()) refusal = refusal_of(routing);
    first = false;
    if (!refusal.empty()) return;
    plans_.push_back(plan_of(routing, model_.moe_layer(plans_.size()).router(), batch, length_));
  };
  std::vector<Loss> ignored;
  losses_ =
      cross_entropy_rows(model_.forward(example.input, pass, ignored), example.targets).to_host();
  if (!refusal.empty()) throw NoCounterfactual(refusal);
}

std::vector<std::int32_t> Counterfactuals::experts_of(std::size_t layer, index sequence,
                                                      index position) const {
  const std::vector<PlannedRow>& rows = plans_[layer].rows[static_cast<std::size_t>(sequence)];
  std::vector<std::int32_t> experts;
  for (const std::size_t row : rows_of(rows, position)) experts.push_back(rows[row].expert);
  return experts;
}

std::span<const real> Counterfactuals::scores_of(std::size_t layer, index sequence,
                                                 index position) const {
  const LayerPlan& plan = plans_[layer];
  if (plan.scores.empty()) return {};
  const index first = (sequence * length_ + position) * plan.columns;
  return {plan.scores.data() + first, static_cast<std::size_t>(plan.experts)};
}

std::vector<double> Counterfactuals::losses(std::size_t layer,
                                            std::span<const Alternative> alternatives) {
  const auto most = static_cast<std::size_t>(std::max<index>(1, kTokensOfPass / length_));
  std::vector<double> all;
  all.reserve(alternatives.size());
  for (std::size_t first = 0; first < alternatives.size(); first += most) {
    const auto copies = alternatives.subspan(first, std::min(most, alternatives.size() - first));
    const std::vector<double> some = losses_of_copies(layer, copies);
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

std::vector<double> Counterfactuals::losses_of_copies(std::size_t layer,
                                                      std::span<const Alternative> copies) {
  const auto S = static_cast<std::size_t>(length_);
  std::vector<std::int32_t> from(copies.size() * S), ids(copies.size() * S),
      targets(copies.size() * S, -1);
  for (std::size_t c = 0; c < copies.size(); ++c)
    for (std::size_t s = 0; s < S; ++s) {
      const std::size_t row = static_cast<std::size_t>(copies[c].sequence) * S + s;
      from[c * S + s] = static_cast<std::int32_t>(row);
      ids[c * S + s] = ids_[row];
      if (s == static_cast<std::size_t>(copies[c].position)) targets[c * S + s] = targets_[row];
    }
  std::vector<std::vector<PlannedRow>> changed;
  changed.reserve(copies.size());
  for (const Alternative& one : copies)
    changed.push_back(replaced(plans_[layer].rows[static_cast<std::size_t>(one.sequence)], one));
  const Indices sources = Indices::of(from, backend_);
  Context pass = context_;
  std::size_t next = 0;
  pass.decide = [&](index, Routing& routing) {
    const LayerPlan& plan = plans_[next];
    std::vector<const std::vector<PlannedRow>*> rows;
    rows.reserve(copies.size());
    for (std::size_t c = 0; c < copies.size(); ++c)
      rows.push_back(next == layer ? &changed[c]
                                   : &plan.rows[static_cast<std::size_t>(copies[c].sequence)]);
    Assignment assignment = joined_plan(plan, rows, length_, backend_);
    if (plan.bypass) assignment.bypass = pick(plan.bypass, sources);
    if (plan.addend) assignment.addend = gather_rows(plan.addend, sources);
    routing.plan = std::move(assignment);
    ++next;
    return true;
  };
  ModelInput input;
  input.batch = static_cast<index>(copies.size()), input.length = length_;
  input.ids = Indices::of(ids, backend_);
  std::vector<Loss> ignored;
  const std::vector<real> rows =
      cross_entropy_rows(model_.forward(input, pass, ignored), Indices::of(targets, backend_))
          .to_host();
  std::vector<double> losses;
  losses.reserve(copies.size());
  for (std::size_t c = 0; c < copies.size(); ++c)
    losses.push_back(
        static_cast<double>(rows[c * S + static_cast<std::size_t>(copies[c].position)]));
  return losses;
}

}  // namespace moesim
