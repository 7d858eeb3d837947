// One affine layer per expert, x W + b: the simplest expert, for theory and tests by hand.
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class Affine : public Expert {
 public:
  Affine(const ExpertSite& site, Options&) : Expert(site), width_(site.width) {
    w_ = matrix("w", {site.experts, width_, width_}, Init::normal(0.02 * site.output_scale));
    b_ = parameter("b", {site.experts, width_}, Init::constant(0), false);
  }

  Tensor forward(const Rows& rows) const override { return grouped_linear(rows, w_, b_); }

  HiddenUnits hidden_units() const override {
    using Role = HiddenUnits::Role;
    return {.parts = {{"w", Role::whole}, {"b", Role::out_bias}}, .factors = 1};
  }

  double flops_per_row() const override { return 2.0 * static_cast<double>(width_ * width_); }

 private:
  index width_;
  Tensor w_, b_;  // [E, D, D], [E, D]
};

const RegisterExpert<Affine> affine_expert("affine", "one affine layer; ignores hidden");

}  // namespace
}  // namespace moesim
