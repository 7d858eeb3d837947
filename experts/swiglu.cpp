// SwiGLU: (silu(x W1) ⊙ (x W3)) W2 (Shazeer 2020), as in Mixtral, DeepSeek and Lory.
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class SwiGlu : public Expert {
 public:
  SwiGlu(const ExpertSite& site, Options&)
      : Expert(site), width_(site.width), hidden_(site.hidden) {
    const index E = site.experts;
    w1_ = matrix("w1", {E, width_, hidden_}, Init::normal(0.02));
    w3_ = matrix("w3", {E, width_, hidden_}, Init::normal(0.02));
    w2_ = matrix("w2", {E, hidden_, width_}, Init::normal(0.02 * site.output_scale));
  }

  Tensor forward(const Rows& rows) const override {
    const Tensor gate = grouped_linear(rows, w1_, {}), up = grouped_linear(rows, w3_, {});
    return grouped_linear(rows.with(drop(rows, swiglu(gate, up))), w2_, {});
  }

  HiddenUnits hidden_units() const override {
    using Role = HiddenUnits::Role;
    return {.parts = {{"w1", Role::in}, {"w3", Role::in}, {"w2", Role::out}}, .factors = 3};
  }

  double flops_per_row() const override { return 6.0 * static_cast<double>(width_ * hidden_); }

 private:
  index width_, hidden_;
  Tensor w1_, w3_, w2_;  // [E, D, H], [E, D, H], [E, H, D]
};

const RegisterExpert<SwiGlu> swiglu_expert("swiglu",
                                           "gated linear unit with SiLU, three matrices, no bias");

}  // namespace
}  // namespace moesim
