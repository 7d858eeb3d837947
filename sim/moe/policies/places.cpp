#include "sim/moe/policies/places.hpp"

#include "sim/config/names.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/service.hpp"
#include "sim/moe/trace.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace moesim {
namespace {

constexpr double kMostFactor = 1e6;

// The choices that are among the `places` largest values of their expert in their group. values
// [T, k]; an expert ranks tokens that did not choose it at 0.
Indices largest_of_experts(const Indices& choice, const Tensor& values, index experts, index group,
                           index places) {
  const index T = values.rows(), k = values.cols(), C = std::min(places, group);
  const Indices best = top_k_rows(at_experts(values.detach(), choice, experts), T / group, C);
  const Indices entry = map_indices(best, {.shape = {T / group, experts, C},
                                           .from = {experts * C, C, 1},
                                           .add = {group * experts, 1},
                                           .scale = experts});
  const Tensor among = to_real(histogram(entry, T * experts), {T, experts}, 1);
  const Tensor chosen = pick(among, entries_of(choice, k, experts));  // [T·k]: 0 or 1
  return where_less(Tensor::zeros(chosen.shape(), chosen.backend()), chosen, choice, {});
}

}  // namespace

Places::Places(Options& options, const Site& site, index k, double factor, double factor_eval)
    : k_(k), experts_(site.experts), length_(std::max<index>(1, site.length)) {
  training_.factor =
      options.number("capacity_factor", factor, {0, kMostFactor},
                     "rows per expert in training, relative to an equal share; 0: no limit");
  const double in_evaluation = options.number("capacity_factor_eval", factor_eval, {0, kMostFactor},
                                              "the same in evaluation");
  training_.rounding = read_rounding(options, "ceil", "of capacity to whole rows");
  training_.per_choice = options.flag("capacity_per_choice", true, "capacity is proportional to k");
  training_.minimum = options.integer("capacity_min", 0, {0, 1 << 30}, "least rows per expert");
  training_.multiple = options.integer("capacity_multiple", 1, {1, 1 << 20},
                                       "capacity is rounded up to a multiple of this");
  training_.absolute =
      options.integer("capacity", 0, {0, 1 << 30},
                      "rows per expert, instead of capacity_factor; 0: by capacity_factor");
  training_.whole_share = options.choice("capacity_share", "exact", {"exact", "whole"},
                                         "an equal share of the tokens as it is, or rounded up to "
                                         "whole rows before the factor (Tutel)") == "whole";
  evaluation_ = training_;
  evaluation_.factor = in_evaluation;
  group_ = read_group(options, site.ragged ? "batch" : "sequence", {"sequence", "batch"},
                      "tokens that share the capacity of the experts");
  constexpr Named<By> kOrders[] = {{"token", By::token},       {"choice", By::choice},
                                   {"priority", By::priority}, {"random", By::random},
                                   {"gate", By::gate},         {"logit", By::logit}};
  by_ =
      options.choice("fill", site.causal ? By::token : By::choice, kOrders,
                     "who gets places: token by token; all first choices first, by position, by "
                     "score (BPR) or by chance (DeepSpeed); an expert's largest gates (Megatron); "
                     "its largest logits, other tokens counting as 0 (DeepSpeed's error)");
  passes_input_ = options.choice("dropped", "zero", {"zero", "input"},
                                 "output of a token without any place: zero, or its own input "
                                 "times its first gate") == "input";
  straight_through_ =
      options.flag("straight_through", false,
                   "gradients of the experts' inputs reach the gates, too (lucidrains' ST-MoE)");
  if (site.ragged && group_ == Group::sequence)
    options.reject("group", "sequences of a router inside another differ in length; set batch");
  if (site.ragged && passes_input_)
    options.reject("dropped", "a router inside another passes no tokens around its experts");
  explain(options, site);
}

void Places::explain(const Options& options, const Site& site) const {
  if (!training_.limited() && !evaluation_.limited()) {
    options.explain(Topic::capacity, "no limit: every choice gets a row of its expert");
    options.explain(Topic::drops, "nothing is dropped");
    return;
  }
  explain_capacity(options, site, group_, k_, training_, evaluation_);
  options.explain(Topic::evaluation,
                  evaluation_.limited()
                      ? fmt::format("generation: capacity as in evaluation, of the n tokens so far "
                                    "of one sequence: C = {} at n = 1, {} at n = {}",
                                    evaluation_.rows(1, k_, experts_),
                                    evaluation_.rows(length_, k_, experts_), length_)
                      : "evaluation and generation drop nothing");
  if (!limited()) {
    options.explain(Topic::drops, "none: every token takes all experts, which have room for it");
    return;
  }
  const char* order = "";
  switch (by_) {
    case By::token:
      order = "token by token, all choices of a token before those of the next";
      break;
    case By::choice:
      order = "all first choices in order of the tokens, then all second ones, and so on";
      break;
    case By::priority:
      order =
          "all first choices, then all second ones, and so on; among them the tokens with the "
          "largest first score first (batch prioritised routing)";
      break;
    case By::random:
      order =
          "all first choices, then all second ones, and so on; among them tokens in random order";
      break;
    case By::gate:
      order = "the C largest gates of each expert";
      break;
    case By::logit:
      order =
          "the C largest logits of each expert, among which tokens that did not choose it count "
          "as 0 and take places";
      break;
  }
  options.explain(Topic::drops, fmt::format("fill order: {}", order));
  options.explain(
      Topic::drops,
      fmt::format("a choice without a place is dropped: it adds nothing. A token without "
                  "any place outputs {}",
                  passes_input_ ? "its own input times its first gate"
                                : "0, so that only the residual stream carries it on"));
  if (straight_through_)
    options.explain(Topic::gate,
                    "gradients of the experts' inputs reach the gates, too: their inputs are "
                    "x · (1 + g - sg(g))");
}

index Places::group_size(const Tokens& tokens) const {
  return std::max<index>(1, group_ == Group::batch ? tokens.x.rows() : tokens.length());
}

index Places::places(const Tokens& tokens) const {
  if (!training_.limited() && !evaluation_.limited()) return 0;
  if (tokens.context.dropless()) return 0;
  const Capacity& capacity = tokens.context.trained_rules() ? training_ : evaluation_;
  return capacity.rows(group_size(tokens), k_, experts_);
}

// [T]: the score of the first choice, or random numbers; empty: the order of tokens.
Tensor Places::priority(const Indices& choice, const Tensor& scores, const Tokens& tokens) const {
  const index T = scores.rows();
  if (by_ == By::random) return tokens.context.uniform(Purpose::places, {T, 1}, scores.backend());
  if (by_ != By::priority) return {};
  return pick(scores.detach(),
              map_indices(choice, {.shape = {T, 1, 1}, .from = {k_}, .add = {experts_}}));
}

std::vector<std::int32_t> Places::service(const Tokens& tokens, const Tensor& first,
                                          const Tensor& values) const {
  ServiceRank rank{.tokens = tokens.x.rows(), .k = k_, .group = group_size(tokens)};
  rank.by_choice = by_ == By::choice || by_ == By::priority || by_ == By::random;
  if (first) rank.first = first.to_host();
  if (values) rank.values = values.to_host();
  return service_order(rank);
}

Indices Places::keep(const Indices& choice, const Tensor& gates, const Tensor& scores,
                     const Tensor& logits, const Tokens& tokens) const {
  const index group = group_size(tokens), most = places(tokens);
  const bool by_value = by_ == By::gate || by_ == By::logit;
  if (by_value && (most > 0 || tokens.context.traced)) {
    const Tensor values = by_ == By::gate ? gates : at_choices(logits.detach(), choice);
    if (tokens.context.traced) tokens.context.service = service(tokens, {}, values);
    if (most > 0) return largest_of_experts(choice, values, experts_, group, most);
  }
  const Tensor first = priority(choice, scores, tokens);
  if (tokens.context.traced && !by_value) tokens.context.service = service(tokens, first, {});
  const Order order = by_ == By::token ? Order::token : first ? Order::score : Order::choice;
  return fill_capacity(choice, k_, experts_, group, most, order, first);
}

Assignment Places::plan(const Indices& choice, const Indices& kept, const Tensor& gates,
                        const Tokens& tokens) const {
  const index T = tokens.x.rows(), E = experts_, most = places(tokens);
  const index groups = T / group_size(tokens);  // 0: a router inside another may get no token
  Assignment plan =
      moesim::assign(choice, kept, k_, E, gates, most > 0 ? groups * E * most : T * k_);
  if (group_ == Group::sequence) plan.places = most;
  if (tokens.context.traced)
    plan.demanded = std::make_shared<DemandList>(
        demand_list(std::exchange(tokens.context.service, {}), choice, kept, gates, k_));
  if (passes_input_) plan.bypass = first_gate_where_none(plan.token, gates);
  if (straight_through_) plan.scale = affine(sub(plan.gate, stop_gradient(plan.gate)), 1, 1);
  return plan;
}

// False where every token takes all experts, and these have a place for each.
bool Places::limits(const Capacity& capacity) const {
  const bool enough = capacity.absolute == 0 && capacity.per_choice && capacity.factor >= 1;
  return capacity.limited() && !(k_ == experts_ && enough);
}

Sees Places::sees() const {
  const bool displaced = by_ != By::token && (by_ != By::choice || k_ > 1);
  return {.later_tokens = limited() && displaced,
          .other_sequences = limited() && group_ == Group::batch};
}

Reroutes Places::reroutes() const {
  if (!limits(evaluation_)) return Reroutes::never;
  // A group of n tokens has at most n rows for an expert. Groups of a batch may be of any size.
  index n = group_ == Group::batch ? 0 : 1;
  while (0 < n && n <= length_ && evaluation_.rows(n, k_, experts_) >= n) ++n;
  return n > length_ ? Reroutes::never : Reroutes::by_capacity;
}

double Places::expert_rows(index tokens) const {
  const double asked = static_cast<double>(tokens) * static_cast<double>(k_);
  const index group = group_ == Group::batch ? tokens : length_;
  const index places = training_.rows(group, k_, experts_);
  if (places == 0) return asked;
  const double groups = static_cast<double>(tokens) / static_cast<double>(group);
  return std::min(asked, groups * static_cast<double>(experts_) * static_cast<double>(places));
}

// [T]: the first gate of tokens that are not in `kept_token`; 0 for others.
Tensor Places::first_gate_where_none(const Indices& kept_token, const Tensor& gates) const {
  const index T = gates.rows();
  std::vector<std::int32_t> first_if_none(static_cast<std::size_t>(k_ + 1), -1);  // by rows kept
  first_if_none[0] = 0;
  const Indices unkept =
      look_up(Indices::of(first_if_none, gates.backend()), histogram(kept_token, T));
  return pick(gates, map_indices(unkept, {.shape = {T, 1, 1}, .from = {1}, .add = {k_}}));
}

}  // namespace moesim
