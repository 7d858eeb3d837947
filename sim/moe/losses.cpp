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
  std::vector<real> share(static_cast<std::size_t>(groups * E), 0);  // f · E / k
  const std::vector<std::int32_t> chosen = choice.to_host();
  const double unit = static_cast<double>(E) / static_cast<double>(used * per_group);
  for (index t = 0; t < T; ++t)
    for (index j = 0; j < used; ++j)
      if (const std::int32_t e = chosen[static_cast<std::size_t>(t * k + j)]; e >= 0)
        share[static_cast<std::size_t>(t / per_group * E + e)] += static_cast<real>(unit);
  const Tensor P = mean_rows(scores, groups);  // [G, E]
  const Tensor f = Tensor::of({groups, E}, share, scores.backend());
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
  // Entry numbers of the k-th and the (k+1)-th largest noisy logit of every row, spread over the
  // row.
  const std::vector<std::int32_t> best = top_k(noisy, k + 1).to_host();
  std::vector<std::int32_t> threshold(static_cast<std::size_t>(T * E));
  for (index t = 0; t < T; ++t) {
    const std::int32_t* row = best.data() + t * (k + 1);
    for (index e = 0; e < E; ++e)
      threshold[static_cast<std::size_t>(t * E + e)] =
          static_cast<std::int32_t>(t * E) + row[k - 1];
    for (index j = 0; j < k; ++j)
      threshold[static_cast<std::size_t>(t * E + row[j])] =
          static_cast<std::int32_t>(t * E) + row[k];
  }
  const Tensor limit = pick(noisy, Indices::of(threshold, clean.backend())).reshape({T, E});
  const Tensor chance = normal_cdf(div(sub(clean, limit), deviation));
  return mean_squared_variation(sum_rows(chance), variance);
}

Tensor entropy_loss(const Tensor& scores) {
  const Tensor logs = log(affine(scores, 1, real(1e-9)));
  return affine(sum(mul(scores, logs)), real(-1) / static_cast<real>(scores.rows()));
}

}  // namespace moesim
