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

// Σ_i f_i P'_i. f [D]
Tensor balance_of_devices(const Tensor& scores, const Tensor& f, index devices) {
  const Tensor P = mean_rows(scores);  // [1, E]
  return sum(mul(sum_cols(P.reshape({devices, scores.cols() / devices})), f));
}

Indices device_of(const Indices& choice, index experts, index devices) {
  return map_indices(choice,
                     {.shape = {choice.size(), 1, 1}, .from = {1}, .divide = experts / devices});
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

Tensor balance_loss(const Tensor& scores, const Tensor& counts, index k, index tokens) {
  const auto E = static_cast<double>(scores.cols());
  const double unit = E / static_cast<double>(k * tokens);
  return affine(sum(mul(mean_rows(scores), counts.detach())), static_cast<real>(unit));
}

std::vector<Loss> weighted_balance(double weight, const Tensor& scores, const Indices& choice,
                                   index k) {
  if (weight == 0) return {};
  return {{"balance", static_cast<real>(weight), balance_loss(scores, choice, k, Counted::all, 1)}};
}

Tensor choice_counts(const Tensor& scores, const Indices& choice, index k, Counted counted) {
  const index T = scores.rows(), used = counted == Counted::all ? k : 1;
  const Indices key = map_indices(choice, {.shape = {T, used, 1}, .from = {k, 1}});
  return to_real(histogram(key, scores.cols()), {scores.cols()}, 1);
}

Tensor z_loss(const Tensor& logits) { return mean(square(log_sum_exp(logits))); }

Tensor importance_loss(const Tensor& weights, index groups, Variance variance) {
  return mean_squared_variation(sum_rows(weights, groups), variance);
}

Tensor load_loss(const Tensor& clean, const Tensor& noisy, const Tensor& deviation, index k,
                 Variance variance, const Tensor& thresholds) {
  const index T = clean.rows(), E = clean.cols();
  if (k >= E) fail_in("load_loss", "needs k < E");
  // Threshold of an expert: the k-th largest value, or the (k+1)-th if the expert itself is above
  // that.
  const Tensor& from = thresholds ? thresholds : noisy;
  const Indices best = top_k(from, k + 1);
  const auto limit_at = [&](const Indices& place) {
    return pick(from, entries_of(look_up(best, place), E, E)).reshape({T, E});
  };
  const auto place_of = [&](index place) {
    return map_indices({.shape = {T, E, 1}, .add = {k + 1}, .base = place}, noisy.backend());
  };
  Indices place;
  if (thresholds) {
    place = where_less(limit_at(place_of(k)), noisy, place_of(k), place_of(k - 1));
  } else {
    const Indices chosen =
        histogram(map_indices(best, {.shape = {T, k, 1}, .from = {k + 1, 1}, .add = {E}}), T * E);
    place =
        map_indices(chosen, {.shape = {T, E, 1}, .from = {E, 1}, .add = {k + 1}, .base = k - 1});
  }
  const Tensor chance = normal_cdf(div(sub(clean, limit_at(place)), deviation));
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

Tensor marginal_entropy_loss(const Tensor& scores) {
  return affine(entropy_loss(mean_rows(scores)), -1);
}

Tensor orthogonality_loss(const Tensor& weight, Orthogonality form) {
  const index D = weight.rows(), E = weight.cols();
  const Tensor w = form == Orthogonality::cosine ? unit_norm(weight, {1, D, E}) : weight;
  // [E, E]: 1 on the diagonal.
  const Indices diagonal = map_indices({.shape = {E, 1, 1}, .add = {E + 1}}, weight.backend());
  const Tensor identity = to_real(histogram(diagonal, E * E), {E, E}, 1);
  const Tensor off = sub(matmul(w, w, {.a = true}), identity);
  return form == Orthogonality::cosine ? mean(square(off))
                                       : sum(add(relu(off), relu(affine(off, -1))));
}

Tensor weight_loss(const Tensor& weight) {
  return affine(sum(square(weight)), 1 / static_cast<real>(weight.cols()));
}

Tensor device_balance_loss(const Tensor& scores, const Indices& choice, index k, index devices) {
  const auto share = static_cast<double>(devices) / static_cast<double>(scores.rows() * k);
  const Indices load = histogram(device_of(choice, scores.cols(), devices), devices);
  return balance_of_devices(scores, to_real(load, {devices}, share), devices);
}

Tensor communication_loss(const Tensor& scores, const Indices& choice, index k, index devices,
                          index most) {
  const index T = scores.rows();
  const Indices key = entries_of(device_of(choice, scores.cols(), devices), k, devices);
  // [T, D]: 1 where a token has a choice on the device.
  const Tensor sent = sign(to_real(histogram(key, T * devices), {T, devices}, 1));
  const auto share = static_cast<real>(static_cast<double>(devices) / static_cast<double>(most));
  return balance_of_devices(scores, affine(mean_rows(sent), share), devices);
}

}  // namespace moesim
