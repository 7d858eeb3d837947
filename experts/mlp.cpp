// Two linear layers with an activation: act(x W1 + b1) W2 + b2 (Vaswani et al. 2017, eq. 2).
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class Mlp : public Expert {
 public:
  Mlp(const ExpertSite& site, Options& options)
      : Expert(site), width_(site.width), hidden_(site.hidden) {
    const std::string act = options.choice(
        "activation", "gelu", {"gelu", "relu", "silu", "relu_squared"},
        "activation between the two layers; relu_squared: relu(x)² (So et al. 2021)");
    squared_ = act == "relu_squared";
    activation_ = act == "gelu"   ? Activation::gelu
                  : act == "silu" ? Activation::silu
                                  : Activation::relu;
    const std::string bias = options.choice("bias", "both", {"both", "first", "none"},
                                            "which of the two layers have a bias");
    const index E = site.experts;
    w1_ = matrix("w1", {E, width_, hidden_}, Init::normal(0.02));
    if (bias != "none") b1_ = parameter("b1", {E, hidden_}, Init::constant(0), false);
    w2_ = matrix("w2", {E, hidden_, width_}, Init::normal(0.02 * site.output_scale));
    if (bias == "both") b2_ = parameter("b2", {E, width_}, Init::constant(0), false);
  }

  Tensor forward(const Rows& rows) const override {
    const Tensor hidden = grouped_linear(rows, w1_, b1_, activation_);
    return grouped_linear(rows.with(drop(rows, squared_ ? square(hidden) : hidden)), w2_, b2_);
  }

  HiddenUnits hidden_units() const override {
    using Role = HiddenUnits::Role;
    HiddenUnits units{.parts = {{"w1", Role::in}, {"w2", Role::out}}, .factors = squared_ ? 3 : 2};
    if (b1_) units.parts.push_back({"b1", Role::in_bias});
    if (b2_) units.parts.push_back({"b2", Role::out_bias});
    return units;
  }

  double flops_per_row() const override { return 4.0 * static_cast<double>(width_ * hidden_); }

 private:
  index width_, hidden_;
  Activation activation_ = Activation::gelu;
  bool squared_ = false;
  Tensor w1_, b1_, w2_, b2_;  // [E, D, H], [E, H], [E, H, D], [E, D]
};

const RegisterExpert<Mlp> mlp("mlp", "two linear layers with GELU, ReLU or SiLU between");

}  // namespace
}  // namespace moesim
