// Two linear layers with an activation between: act(x W1 + b1) W2 + b2 (Vaswani et al. 2017, eq.
// 2).
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class Mlp : public Expert {
 public:
  Mlp(const ExpertSite& site, Options& options) : width_(site.width), hidden_(site.hidden) {
    const std::string act =
        options.choice("activation", "gelu", {"gelu", "relu", "silu"}, "between the two layers");
    activation_ = act == "gelu"   ? Activation::gelu
                  : act == "relu" ? Activation::relu
                                  : Activation::silu;
    const std::string bias = options.choice("bias", "both", {"both", "first", "none"},
                                            "which of the two layers have a bias");
    const index E = site.experts;
    w1_ = parameter("w1", {E, width_, hidden_}, Init::normal(0.02));
    if (bias != "none") b1_ = parameter("b1", {E, hidden_}, Init::constant(0), false);
    w2_ = parameter("w2", {E, hidden_, width_}, Init::normal(0.02 * site.output_scale));
    if (bias == "both") b2_ = parameter("b2", {E, width_}, Init::constant(0), false);
  }

  std::vector<Tensor> weights() const override {
    std::vector<Tensor> all = {w1_, w2_};
    if (b1_) all.push_back(b1_);
    if (b2_) all.push_back(b2_);
    return all;
  }

  Tensor apply(const Tensor& rows, const Segments& segments,
               std::span<const Tensor> w) const override {
    const Tensor b1 = b1_ ? w[2] : Tensor{}, b2 = b2_ ? w[3] : Tensor{};
    const Tensor hidden = grouped_linear(rows, w[0], b1, segments, activation_);
    return grouped_linear(hidden, w[1], b2, segments);
  }
  using Expert::apply;

  double flops_per_row() const override { return 4.0 * static_cast<double>(width_ * hidden_); }

 private:
  index width_, hidden_;
  Activation activation_ = Activation::gelu;
  Tensor w1_, b1_, w2_, b2_;  // [E, D, H], [E, H], [E, H, D], [E, D]
};

const Registered<Expert> mlp("mlp", "two linear layers with GELU, ReLU or SiLU between",
                             [](const ExpertSite& site, Options& options) {
                               return std::make_unique<Mlp>(site, options);
                             });

}  // namespace
}  // namespace moesim
