#include "sim/moe/policies/bias_update.hpp"

#include "sim/backend/backend.hpp"
#include "sim/config/names.hpp"
#include "sim/config/text.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

namespace moesim {
namespace {

// The smallest or largest of the values. -> [1]
Tensor extreme(const Tensor& x, bool largest) {
  const Tensor row = x.detach().reshape({1, x.size()});
  return pick(row, top_k(largest ? row : affine(row, -1), 1));
}

struct Bins {
  double low, width;
};
// The bins of a histogram cover [min b - 1, max b + 1].
Bins bins_of(const std::vector<real>& bias, index bins) {
  const auto [least, most] = std::minmax_element(bias.begin(), bias.end());
  const auto low = static_cast<double>(*least), high = static_cast<double>(*most);
  return {low - 1, (high - low + 2) / static_cast<double>(bins)};
}

}  // namespace

BiasUpdate::BiasUpdate(Options& options, index k, index experts, index free, index groups,
                       const ScoreFunction& scores)
    : k_(k), experts_(experts), all_(experts + free) {
  on_logits_ = options.choice("bias_on", "scores", {"scores", "logits"},
                              "what the bias is added to") == "logits";
  constexpr Named<Kind> kKinds[] = {{"sign", Kind::sign},
                                    {"proportional", Kind::proportional},
                                    {"quantile", Kind::quantile},
                                    {"histogram", Kind::histogram}};
  kind_ =
      options.choice("bias_update", Kind::sign, kKinds,
                     "a step moves a bias by bias_speed towards an even load, or by "
                     "bias_speed times what the load lacks to the mean, as a share of it; or sets "
                     "it to a quantile: the mean over micro-batches (Megatron), or that of the "
                     "step's tokens, from a histogram (Kimi K3)");
  speed_ = options.number("bias_speed", 1e-3, {0, 10},
                          "change of a bias per step, of sign and proportional; 0: biases are "
                          "constant");
  average_ = options.number("bias_average", 0, {0, 0.9999},
                            "share of the old bias in the new one, of quantile and histogram");
  bins_ = options.integer("bias_bins", 1000, {2, 1 << 20}, "bins of the histogram, per expert");
  const double even =
      static_cast<double>(k) * static_cast<double>(experts) / static_cast<double>(experts + free);
  real_ = options.number("real_choices", 0, {0, static_cast<double>(k)},
                         "mean number of a token's choices that run an expert, which the bias "
                         "aims at (sign, proportional); 0: all choices are equally frequent");
  if (groups > 1 && (free > 0 || by_quantile()))
    options.reject("groups", "identity experts and quantiles know no groups; set groups = 1");
  if (by_quantile() && k == all_)
    options.reject("bias_update", "a token takes all " + std::to_string(all_) +
                                      " experts, so that there is no quantile; take a smaller k");
  if (kind_ == Kind::histogram && (on_logits_ || scores.unbounded()))
    options.reject("bias_update", "its bins are for scores between 0 and 1; set quantile");
  if (by_quantile() && real_ > 0)
    options.reject("real_choices",
                   "a quantile makes all choices equally frequent; leave it out, "
                   "or set bias_update = proportional");
  if (real_ == 0) real_ = even;
  options.explain(
      Topic::selection,
      fmt::format("a token chooses the k = {} largest {} of {}: a bias per expert affects "
                  "the choice, but not the gates",
                  k, on_logits_ ? "l + b" : "s + b", all_));
  options.explain(Topic::state, rule());
  options.explain(Topic::evaluation, "the bias is that of the last step, and is not updated");
}

std::string BiasUpdate::rule() const {
  const std::string u = config::shortest(speed_), m = config::shortest(real_);
  const std::string quantile = fmt::format(
      "the {}/{} quantile over tokens of c_t - v_te, v: what the "
      "bias is added to, c_t: the {}-th largest v + b of the "
      "token; then b -= mean(b)",
      k_, all_, k_ + 1);
  switch (kind_) {
    case Kind::proportional:
      return fmt::format(
          "after a step: b_e += {} · (m - n_e) / m; n_e: choices of e in the step, "
          "m = {} T / {}: the load wanted, T tokens",
          u, m, experts_);
    case Kind::quantile:
      return "after a step: b_e = the mean over micro-batches of " + quantile;
    case Kind::histogram:
      return fmt::format("after a step: b_e = {}, from a histogram of {} bins over the whole step",
                         quantile, bins_);
    case Kind::sign:
      break;
  }
  return fmt::format(
      "after a step: b_e += {} · sign(m - n_e); n_e: choices of e in the step, before "
      "drops, m = {} T / {}: the load wanted, T tokens",
      u, m, experts_);
}

void BiasUpdate::declare(Traits& traits) const {
  if (kind_ == Kind::quantile)
    traits.totals.insert(traits.totals.end(), {Shape{all_}, Shape{1}});
  else if (kind_ == Kind::histogram)
    traits.totals.push_back({all_, bins_});
}

void BiasUpdate::add_to(Routing& routing, const Tensor& values, const Tensor& biased,
                        const Tensor& bias) const {
  if (!by_quantile()) return;
  const index T = values.rows();
  const Indices best = top_k(biased.detach(), k_ + 1);
  const Indices next =
      map_indices(best, {.shape = {T, k_ + 1, 1}, .from = {k_ + 1, 1}, .add = {all_}});
  const Tensor ranked = pick(biased.detach(), next).reshape({T, k_ + 1});
  // The cut-off is the last column; lack = v - c, the negative of the bias that is required.
  const Tensor cut = pick(
      ranked, map_indices({.shape = {T, 1, 1}, .add = {k_ + 1}, .base = k_}, values.backend()));
  const Tensor surplus = sub_column(values.detach(), cut);  // [T, n]
  if (kind_ == Kind::histogram)
    routing.totals.push_back(counts(surplus, bias));
  else
    routing.totals.insert(routing.totals.end(),
                          {quantiles(surplus), Tensor::full({1}, 1, values.backend())});
}

// For every column the (⌊T k / n⌋ + 1)-th largest value, times -1. -> [n]
Tensor BiasUpdate::quantiles(const Tensor& surplus) const {
  const index T = surplus.rows(), above = T * k_ / all_;
  const Indices best = top_k_rows(surplus, 1, above + 1);  // [n · (above + 1)]
  // The first and the last of every column.
  const Indices ends = map_indices(
      best, {.shape = {all_, 2, 1}, .from = {above + 1, above}, .add = {1}, .scale = all_});
  const Tensor both = pick(surplus, ends);
  return affine(
      pick(both, map_indices({.shape = {all_, 1, 1}, .add = {2}, .base = 1}, surplus.backend())),
      -1);
}

// Numbers of required biases in the bins: floor((r - low) / width), clamped. -> [n, bins]
Tensor BiasUpdate::counts(const Tensor& surplus, const Tensor& bias) const {
  Backend& backend = surplus.backend();
  const index T = surplus.rows(), size = surplus.size();
  const Tensor most = extreme(bias, true), least = extreme(bias, false);
  const Tensor low = affine(least, 1, -1);
  const Tensor width =
      affine(sub(most, least), 1 / static_cast<real>(bins_), 2 / static_cast<real>(bins_));
  const Tensor at =
      div_column(sub_column(affine(surplus, -1).reshape({1, size}), low), width);  // [1, T·n]
  // Bisection: the largest bin that is not above the value.
  Indices bin = map_indices({.shape = {size, 1, 1}}, backend);
  for (index left = bins_; left > 1; left -= left / 2) {
    const Indices middle = map_indices(bin, {.shape = {size, 1, 1}, .from = {1}, .base = left / 2});
    bin = where_less(at, to_real(middle, at.shape(), 1), bin, middle);
  }
  const Indices key =
      map_indices(bin, {.shape = {T, all_, 1}, .from = {all_, 1}, .add = {0, bins_}});
  return to_real(histogram(key, all_ * bins_), {all_, bins_}, 1);
}

void BiasUpdate::after_step(const Tensor& bias, const StepLoad& load) const {
  if (!by_quantile()) {
    // Free choices keep their bias.
    const double mean = static_cast<double>(load.tokens) * real_ / static_cast<double>(experts_);
    const Tensor lack =
        affine(to_real(load.demand, {experts_}, 1), -1, static_cast<real>(mean));  // [E]
    const Tensor change = kind_ == Kind::proportional
                              ? affine(lack, static_cast<real>(speed_ / mean))
                              : affine(sign(lack), static_cast<real>(speed_));
    const index free = all_ - experts_;
    const Tensor all = free == 0 ? change
                                 : concat_rows({change.reshape({experts_, 1}),
                                                Tensor::zeros({free, 1}, bias.backend())});
    assign(bias, add(bias, all.reshape(bias.shape())));
    return;
  }
  if (load.tokens == 0) return;
  std::vector<real> values = bias.to_host();
  const std::vector<double> wanted =
      kind_ == Kind::histogram ? pooled_quantile(values, load) : mean_quantile(load);
  std::vector<double> next;
  for (std::size_t e = 0; e < wanted.size(); ++e)
    next.push_back(average_ * static_cast<double>(values[e]) + (1 - average_) * wanted[e]);
  const double mean =
      std::accumulate(next.begin(), next.end(), 0.0) / static_cast<double>(next.size());
  for (std::size_t e = 0; e < next.size(); ++e) values[e] = static_cast<real>(next[e] - mean);
  assign(bias, Tensor::of(bias.shape(), values, bias.backend()));
}

std::vector<double> BiasUpdate::mean_quantile(const StepLoad& load) const {
  const double parts = static_cast<double>(load.totals.back().item());
  std::vector<double> mean;
  for (const real sum : load.totals[load.totals.size() - 2].to_host())
    mean.push_back(static_cast<double>(sum) / parts);
  return mean;
}

// The quantile of every expert, linear within its bin.
std::vector<double> BiasUpdate::pooled_quantile(const std::vector<real>& bias,
                                                const StepLoad& load) const {
  const auto [low, width] = bins_of(bias, bins_);
  const std::vector<real> counts = load.totals.back().to_host();
  const double target = static_cast<double>(load.tokens * k_) / static_cast<double>(all_);
  std::vector<double> result;
  for (index e = 0; e < all_; ++e) {
    double before = 0;
    index bin = 0;
    const auto in = [&] {
      return static_cast<double>(counts[static_cast<std::size_t>(e * bins_ + bin)]);
    };
    for (; bin + 1 < bins_ && before + in() < std::ceil(target); ++bin) before += in();
    result.push_back(low + width * (static_cast<double>(bin) + (target - before) / in()));
  }
  return result;
}

}  // namespace moesim
