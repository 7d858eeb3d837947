// GEGLU: (gelu(x W_g + b_g) ⊙ (x W_a + b_a)) W_2 + b_2 (Shazeer 2020, eq. 6). `multiplier` scales
// each hidden unit by a learned factor before W_2 (Zoph et al. 2022, the multiplicative bias of
// ST-MoE).
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class GeGlu : public Expert {
 public:
  GeGlu(const ExpertSite& site, Options& options)
      : Expert(site), width_(site.width), hidden_(site.hidden) {
    const bool bias = options.flag("bias", false, "biases of all three linear layers");
    const bool multiplier =
        options.flag("multiplier", false, "a learned factor for each hidden unit (ST-MoE)");
    const index E = site.experts;
    gate_ = matrix("gate", {E, width_, hidden_}, Init::normal(0.02));
    up_ = matrix("up", {E, width_, hidden_}, Init::normal(0.02));
    down_ = matrix("down", {E, hidden_, width_}, Init::normal(0.02 * site.output_scale));
    if (bias) {
      gate_bias_ = parameter("gate_bias", {E, hidden_}, Init::constant(0), false);
      up_bias_ = parameter("up_bias", {E, hidden_}, Init::constant(0), false);
      down_bias_ = parameter("down_bias", {E, width_}, Init::constant(0), false);
    }
    if (multiplier) factor_ = parameter("multiplier", {E, hidden_}, Init::constant(1), false);
  }

  Tensor forward(const Rows& rows) const override {
    const Tensor gate = grouped_linear(rows, gate_, gate_bias_, Activation::gelu);
    Tensor hidden = mul(gate, grouped_linear(rows, up_, up_bias_));
    if (factor_) {  // the factors of a row's expert: 1 · factor
      const Tensor one = Tensor::full({rows.x.rows(), 1}, 1, rows.x.backend());
      const Tensor factor = factor_.reshape({factor_.rows(), 1, hidden_});
      hidden = mul(hidden, grouped_linear(rows.with(one), factor, {}));
    }
    return grouped_linear(rows.with(drop(rows, hidden)), down_, down_bias_);
  }

  HiddenUnits hidden_units() const override {
    using Role = HiddenUnits::Role;
    HiddenUnits units{.parts = {{"gate", Role::in}, {"up", Role::in}, {"down", Role::out}},
                      .factors = 3};
    if (gate_bias_)
      for (const auto& part : {HiddenUnits::Part{"gate_bias", Role::in_bias},
                               {"up_bias", Role::in_bias},
                               {"down_bias", Role::out_bias}})
        units.parts.push_back(part);
    if (factor_) units.parts.push_back({"multiplier", Role::factor});
    return units;
  }

  double flops_per_row() const override {
    const auto D = static_cast<double>(width_), H = static_cast<double>(hidden_);
    return 6 * D * H + (factor_ ? 2 * H : 0);
  }

 private:
  index width_, hidden_;
  Tensor gate_, up_, down_;                          // [E, D, H], [E, D, H], [E, H, D]
  Tensor gate_bias_, up_bias_, down_bias_, factor_;  // [E, H], [E, H], [E, D], [E, H]
};

const RegisterExpert<GeGlu> geglu("geglu", "gated linear unit with GELU, three matrices (ST-MoE)");

}  // namespace
}  // namespace moesim
