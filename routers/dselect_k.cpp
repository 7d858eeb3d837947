// DSelect-k (Hazimeh et al. 2021, "DSelect-k: Differentiable selection in the mixture of experts",
// equations 4 to 8): k selectors choose an expert each, bit by bit, by a smooth step function. Most
// gates are exactly zero once the bits are saturated.
//
//   S(t) = 3 v² - 2 v³, v = t / γ + 1/2 within [0, 1]        z = x W + b, ⌈log₂ E⌉ numbers per selector
//   s_j[e] = Π_b (bit b of e ? S(z_jb) : 1 - S(z_jb))         most significant bit first
//   gate g = Σ_j softmax_j(x V + c) s_j
//
// Losses: entropy of the selectors; and 1 / Σ_{e < E} s_j[e], which keeps mass off codes without
// expert. The published ones are sums (losses = sum); the second is infinite without mass, here 1e6.
// Two selectors may take the same expert. per_token = false is the paper's static gate.
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/policies/positive_choices.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <cmath>

namespace moesim {
namespace {

class DSelectK : public Router {
 public:
  DSelectK(const Site& site, Options& o) : D_(site.width), E_(site.experts) {
    if (E_ < 2) o.reject("k", "selects among two experts or more; set moe.experts = 2");
    while (index{1} << bits_ < E_) ++bits_;
    k_ = o.integer("k", 2, {1, E_}, "selectors: the largest number of experts once saturated");
    gamma_ = o.number("gamma", 1, {1e-3, 1e3}, "γ, width of the smooth part of the step");
    per_token_ = o.flag("per_token", true, "gates by token; false: the same for all tokens");
    entropy_ = o.number("entropy_weight", 0.01, {0, 1e6},
                        "weight of the selectors' entropy, which makes them choose");
    reach_ = o.number("reach_weight", 0.01, {0, 1e6},
                      "weight of the loss of mass on codes without expert (E no power of two)");
    sum_ = o.choice("losses", "mean", {"mean", "sum"},
                    "losses are means, or sums (published), over tokens and selectors") == "sum";
    explain_losses(o, sum_ ? (per_token_ ? site.batch * site.length : 1) * k_ : 1);
    o.explain(Topic::gate, "g = Σ_j softmax_j(x V + c) · code_j; experts with g > 0 run");
    const Init small = Init::normal(gamma_ / 100 / std::sqrt(3.0));  // published: uniform, ± γ/100
    if (per_token_) {
      z_ = parameter("z", {D_, k_, bits_}, small);
      if (k_ > 1) w_ = parameter("w", {D_, k_}, Init::normal(0.02));
    }
    z_bias_ = parameter("z_bias", {k_, bits_}, small, false);
    if (k_ > 1) w_bias_ = parameter("w_bias", {k_}, Init::constant(0), false);
    const index products = per_token_ ? D_ * k_ * (bits_ + 1) : 0;
    traits_ = {.experts = E_,
               .cost = {.rows_per_token = static_cast<double>(E_),  // before the bits saturate
                        .router_flops = 2.0 * static_cast<double>(products + k_ * E_)},
               .capturable = true,
               .reroutes = Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    Backend& backend = tokens.x.backend();
    const index T = tokens.x.rows(), R = per_token_ ? T : 1;
    const Tensor z =
        per_token_ ? linear(tokens.x, z_.reshape({D_, k_ * bits_}), z_bias_.reshape({k_ * bits_}))
                   : z_bias_;
    const Tensor codes = codes_of(z.reshape({R * k_, bits_}));  // [R·k, 2^bits]
    const Indices exist =
        map_indices({.shape = {R * k_, E_, 1}, .add = {index{1} << bits_, 1}}, backend);
    const Tensor selectors = pick(codes, exist).reshape({R * k_, E_});
    Tensor gates = selectors;
    if (k_ > 1) {
      const Tensor w = w_ ? linear(tokens.x, w_, w_bias_) : w_bias_.reshape({1, k_});
      gates = sum_rows(mul_column(selectors, softmax(w).reshape({R * k_})), R);  // [R, E]
    }
    if (!per_token_) gates = gather_rows(gates, map_indices({.shape = {T, 1, 1}}, backend));
    const Indices choice = positive_choices(gates);
    Routing routing{.plan = assign(choice, choice, E_, E_, gates), .scores = gates.detach()};
    const real share = sum_ ? real(1) : real(1) / static_cast<real>(R * k_);
    if (entropy_ > 0) {
      const Tensor logs = log(affine(selectors, 1, real(1e-6)));
      routing.losses.push_back(
          {"entropy", static_cast<real>(entropy_), affine(sum(mul(selectors, logs)), -share)});
    }
    if (reach_ > 0 && E_ != index{1} << bits_) {
      const auto least = real(1e-6);  // max(m, least) = least + relu(m - least)
      const Tensor mass = affine(relu(affine(sum_cols(selectors), 1, -least)), 1, least);
      routing.losses.push_back(
          {"reach", static_cast<real>(reach_), affine(sum(reciprocal(mass)), share)});
    }
    return routing;
  }

  double kept_values(index tokens) const override {
    return static_cast<double>(tokens * (8 * k_ * (E_ + bits_) + 3 * E_));
  }

 private:
  // terms: number of equal terms that a loss sums.
  void explain_losses(const Options& o, index terms) const {
    const auto E = static_cast<double>(E_), codes = std::exp2(bits_),
               n = static_cast<double>(terms);
    const std::string of = sum_ ? "Σ" : "mean", when = "with all bits at 1/2";
    explain_loss(o, "entropy", entropy_, of + " over tokens and selectors of -Σ_e s[e] log s[e]",
                 "", when, n * E / codes * std::log(codes));
    if (E < codes)
      explain_loss(o, "reach", reach_, of + " over tokens and selectors of 1 / Σ_e s[e]", "", when,
                   n * codes / E);
    else if (reach_ > 0)
      o.explain(Topic::losses, "reach: none, because every code has an expert (E is a power of 2)");
  }
  // Π_b of the step, or of its complement, for every code. z [n, bits] -> [n, 2^bits]
  Tensor codes_of(const Tensor& z) const {
    const index n = z.rows();
    const Tensor up = relu(affine(z, static_cast<real>(1 / gamma_), real(0.5)));
    const Tensor v = affine(relu(affine(up, -1, 1)), -1, 1);  // min(up, 1), exactly
    const Tensor step = mul(square(v), affine(v, -2, 3));
    const Tensor either = concat_rows({affine(step, -1, 1), step});  // [2 n, bits]
    Tensor codes = Tensor::full({n, 1}, 1, z.backend());
    for (index b = 0, count = 1; b < bits_; ++b, count *= 2) {
      const Indices prefix =
          map_indices({.shape = {n, count, 2}, .add = {count, 1, 0}}, z.backend());
      const Indices bit = map_indices(
          {.shape = {n, count, 2}, .add = {bits_, 0, n * bits_}, .base = b}, z.backend());
      codes = mul(pick(codes, prefix), pick(either, bit)).reshape({n, 2 * count});
    }
    return codes;
  }

  index D_, E_, k_ = 1, bits_ = 1;
  double gamma_ = 1, entropy_ = 0, reach_ = 0;
  bool per_token_ = true, sum_ = false;
  Tensor z_, z_bias_, w_, w_bias_;  // [D, k, bits], [k, bits], [D, k], [k]
};

const RegisterRouter<DSelectK> dselect_k(
    "dselect_k", "k selectors choose experts by smooth binary codes (Hazimeh et al. 2021)",
    {{"wide", "k=3 gamma=3 losses=sum entropy_weight=0.001 reach_weight=0.001"},
     {"static", "k=1 per_token=false entropy_weight=0"},
     {"free", "entropy_weight=0 reach_weight=0"}});

}  // namespace
}  // namespace moesim
