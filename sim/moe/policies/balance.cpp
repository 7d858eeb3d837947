#include "sim/moe/policies/balance.hpp"

#include "sim/config/names.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

BalanceScope::BalanceScope(Options& options, const std::string& otherwise) {
  constexpr Named<Kind> kKinds[] = {{"batch", Kind::batch},
                                    {"sequence", Kind::sequence},
                                    {"running", Kind::running},
                                    {"step", Kind::step}};
  const std::string name = options.choice(
      "balance_group", otherwise, with_first(all_names<Kind>(kKinds), otherwise),
      "tokens of the balance loss: the micro-batch; each sequence; counts of the step's "
      "micro-batches so far; counts of the whole step, which costs a further forward pass if it "
      "has several");
  kind_ = value_of<Kind>(kKinds, name);
}

std::string BalanceScope::text() const {
  switch (kind_) {
    case Kind::sequence:
      return "f and P of each sequence, then the mean over sequences";
    case Kind::running:
      return "P of the micro-batch, f of the step's micro-batches so far";
    case Kind::step:
      return "P of the micro-batch, f of all micro-batches of the step";
    case Kind::batch:
      break;
  }
  return "f and P of the micro-batch";
}

std::vector<Shape> BalanceScope::totals(index columns) const {
  return of_step() ? std::vector<Shape>{{columns}} : std::vector<Shape>{};
}

Tensor BalanceScope::loss(const Tensor& scores, const Indices& choice, index k, Counted counted,
                          index sequences, const Context& context,
                          std::vector<Tensor>& totals) const {
  if (!of_step())
    return balance_loss(scores, choice, k, counted, kind_ == Kind::sequence ? sequences : 1);
  Tensor counts = choice_counts(scores, choice, k, counted);  // [n]
  totals.insert(totals.begin(), counts);
  index over = scores.rows();
  if (kind_ == Kind::step && context.whole_step != nullptr) {
    counts = context.whole_step->totals.front(), over = context.whole_step->tokens;
  } else if (kind_ == Kind::running && context.so_far != nullptr) {
    counts = add(counts, context.so_far->totals.front()), over += context.so_far->tokens;
  }
  return balance_loss(scores, counts, counted == Counted::all ? k : 1, over);
}

BalanceLoss::BalanceLoss(Options& options, index k, index columns, double weight,
                         const std::string& group, double at_balance)
    : k_(k),
      weight_(options.number("balance_weight", weight, {0, 1e6},
                             "weight of the load balance loss E/k Σ f P, which is 1 at balance")),
      scope_(options, group) {
  unbiased_ =
      options.choice("balance_counted", "chosen", {"chosen", "unbiased"},
                     "f counts the choices, or the k largest scores (Megatron)") == "unbiased";
  explain_balance(options, weight_, k, columns, scope_.text(),
                  unbiased_ ? fmt::format("k = {} largest scores, without bias", k) : "",
                  at_balance);
}

void BalanceLoss::declare(Traits& traits, index columns) const {
  if (weight_ == 0) return;
  const std::vector<Shape> totals = scope_.totals(columns);
  traits.totals.insert(traits.totals.begin(), totals.begin(), totals.end());
  traits.whole_step = scope_.whole_step();
}

void BalanceLoss::add_to(Routing& routing, const Tensor& scores, const Tensor& shares,
                         const Indices& choice, const Tokens& tokens) const {
  if (weight_ == 0) return;
  const Indices counted = unbiased_ ? top_k(scores, k_) : choice;
  const Tensor loss = scope_.loss(shares, counted, k_, Counted::all, tokens.batch(), tokens.context,
                                  routing.totals);
  routing.losses.push_back({"balance", static_cast<real>(weight_), loss});
}

}  // namespace moesim
