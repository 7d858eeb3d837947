#include "sim/moe/policies/places.hpp"

#include "sim/moe/choose.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr double kLarge = 1e6;

Order read_order(Options& options, const Site& site) {
  const std::string name =
      options.choice("fill", site.causal ? "token" : "choice", {"token", "choice", "priority"},
                     "who gets places: token by token; all first choices first; by score, BPR");
  return name == "token" ? Order::token : name == "choice" ? Order::choice : Order::score;
}

}  // namespace

Places::Places(Options& options, const Site& site, index k, double factor, double factor_eval)
    : k_(k), experts_(site.experts), length_(std::max<index>(1, site.length)) {
  training_.factor =
      options.number("capacity_factor", factor, {0, kLarge},
                     "rows per expert in training, relative to an equal share; 0: no limit");
  const double in_evaluation =
      options.number("capacity_factor_eval", factor_eval, {0, kLarge}, "the same in evaluation");
  training_.rounding = read_rounding(options, "ceil", "of capacity to whole rows");
  training_.per_choice = options.flag("capacity_per_choice", true, "capacity is proportional to k");
  training_.minimum = options.integer("capacity_min", 0, {0, 1 << 30}, "least rows per expert");
  training_.multiple = options.integer("capacity_multiple", 1, {1, 1 << 20},
                                       "capacity is rounded up to a multiple of this");
  training_.absolute =
      options.integer("capacity", 0, {0, 1 << 30},
                      "rows per expert, instead of capacity_factor; 0: by capacity_factor");
  evaluation_ = training_;
  evaluation_.factor = in_evaluation;
  group_ = read_group(options, site.ragged ? "batch" : "sequence", {"sequence", "batch"},
                      "tokens that share the capacity of the experts");
  order_ = read_order(options, site);
  passes_input_ = options.choice("dropped", "zero", {"zero", "input"},
                                 "output of a token without any place: zero, or its own input "
                                 "times its first gate") == "input";
  if (site.ragged && group_ == Group::sequence)
    options.reject("group", "sequences of a router inside another differ in length; set batch");
  if (site.ragged && passes_input_)
    options.reject("dropped", "a router inside another passes no tokens around its experts");
}

Assignment Places::assign(const Indices& choice, const Tensor& gates, const Tensor& scores,
                          const Tokens& tokens) const {
  return plan(choice, keep(choice, scores, tokens), gates, tokens);
}

Indices Places::keep(const Indices& choice, const Tensor& scores, const Tokens& tokens) const {
  const index T = tokens.x.rows(), group = group_ == Group::batch ? T : tokens.length();
  Tensor priority;  // [T]: the score of the first choice
  if (order_ == Order::score)
    priority = pick(scores.detach(),
                    map_indices(choice, {.shape = {T, 1, 1}, .from = {k_}, .add = {experts_}}));
  return fill_capacity(choice, k_, experts_, group, rows(tokens), order_, priority);
}

Assignment Places::plan(const Indices& choice, const Indices& kept, const Tensor& gates,
                        const Tokens& tokens) const {
  const index T = tokens.x.rows(), group = group_ == Group::batch ? T : tokens.length();
  const index places = rows(tokens);
  const index most = places > 0 ? T / group * experts_ * places : T * k_;
  Assignment plan = moesim::assign(choice, kept, k_, experts_, gates, most);
  if (group_ == Group::sequence) plan.places = places;
  if (passes_input_) plan.bypass = first_gate_where_none(plan.token, gates);
  return plan;
}

index Places::rows(const Tokens& tokens) const {
  const index group = group_ == Group::batch ? tokens.x.rows() : tokens.length();
  return (tokens.context.training ? training_ : evaluation_).rows(group, k_, experts_);
}

Sees Places::sees() const {
  const bool displaced = order_ == Order::score || (order_ == Order::choice && k_ > 1);
  return {.later_tokens = limited() && displaced,
          .other_sequences = limited() && group_ == Group::batch};
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
