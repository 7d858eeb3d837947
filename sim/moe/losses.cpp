#include "sim/moe/losses.hpp"

#include "sim/core/error.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

// CV² = var / (mean² + ε) of every row of [G, E], averaged over the rows. -> [1]
// The ε of the torch ports is 1e-10; otherwise it only keeps 0 / 0 out.
Tensor mean_squared_variation(const Tensor& x, Variance variance) {
  const auto E = static_cast<real>(x.cols());
  if (variance == Variance::sample && x.cols() < 2)
    fail_in("importance_loss", "a sample variance needs two experts");
  const Tensor average = affine(sum_cols(x), 1 / E);
  const Tensor spread = square(sub_column(x, average));
  const Tensor var = affine(sum_cols(spread), 1 / (variance == Variance::population ? E : E - 1));
  const real epsilon = variance == Variance::sample ? real(1e-10) : real(1e-20);
  return mean(div(var, affine(square(average), 1, epsilon)));
}

}  // namespace

Tensor balance_loss(const Tensor& scores, const Indices& choice, index k, Counted counted,
                    index groups) {
  const index T = scores.rows(), E = scores.cols();
  if (groups < 1 || T % groups != 0) fail_in("balance_loss", "groups do not divide the tokens");
  const index per_group = T / groups;
  const index used = counted == Counted::all ? k : 1;
  // Key of a choice: its group and expert. A choice counts E / (used · per_group) in f.
  const Indices key = map_indices(
      choice, {.shape = {groups, per_group, used}, .from = {per_group * k, k, 1}, .add = {E}});
  const double unit = static_cast<double>(E) / static_cast<double>(used * per_group);
  const Tensor f = to_real(histogram(key, groups * E), {groups, E}, unit);
  const Tensor P = mean_rows(scores, groups);  // [G, E]
  return affine(sum(mul(P, f)), real(1) / static_cast<real>(groups));
}

Tensor z_loss(const Tensor& logits) { return mean(square(log_sum_exp(logits))); }

Tensor importance_loss(const Tensor& weights, index groups, Variance variance) {
  return mean_squared_variation(sum_rows(weights, groups), variance);
}

Tensor load_loss(const Tensor& clean, const Tensor& noisy, const Tensor& deviation, index k,
                 Variance variance) {
  const index T = clean.rows(), E = clean.cols();
  if (k >= E) fail_in("load_loss", "needs k < E");
  // Threshold of an expert: the k-th largest logit, or the (k+1)-th if the expert itself is chosen.
  const Indices best = top_k(noisy, k + 1);
  const Indices chosen =
      histogram(map_indices(best, {.shape = {T, k, 1}, .from = {k + 1, 1}, .add = {E}}), T * E);
  const Indices place =
      map_indices(chosen, {.shape = {T, E, 1}, .from = {E, 1}, .add = {k + 1}, .base = k - 1});
  const Tensor limit = pick(noisy, entries_of(look_up(best, place), E, E)).reshape({T, E});
  const Tensor chance = normal_cdf(div(sub(clean, limit), deviation));
  return mean_squared_variation(sum_rows(chance), variance);
}

Tensor localised_balance_loss(const Tensor& gates, const Tensor& preference) {
  const Tensor weighted = mul(sum_rows(gates, preference.rows()), preference);
  return mean_squared_variation(weighted.reshape({1, weighted.size()}), Variance::sample);
}

Tensor entropy_loss(const Tensor& scores) {
  const Tensor logs = log(affine(scores, 1, real(1e-9)));
  return affine(sum(mul(scores, logs)), real(-1) / static_cast<real>(scores.rows()));
}

}  // namespace moesim
