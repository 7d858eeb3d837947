// SwiGLU: (silu(x W1) ⊙ (x W3)) W2 (Shazeer 2020), as in Mixtral, DeepSeek and Lory.
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class SwiGlu : public Expert {
 public:
  SwiGlu(const ExpertSite& site, Options&) : width_(site.width), hidden_(site.hidden) {
    const index E = site.experts;
    w1_ = parameter("w1", {E, width_, hidden_}, Init::normal(0.02));
    w3_ = parameter("w3", {E, width_, hidden_}, Init::normal(0.02));
    w2_ = parameter("w2", {E, hidden_, width_}, Init::normal(0.02 * site.output_scale));
  }

  std::vector<Tensor> weights() const override { return {w1_, w3_, w2_}; }

  Tensor apply(const Tensor& rows, const Segments& segments,
               std::span<const Tensor> w) const override {
    const Tensor gate = grouped_linear(rows, w[0], {}, segments);
    const Tensor up = grouped_linear(rows, w[1], {}, segments);
    return grouped_linear(swiglu(gate, up), w[2], {}, segments);
  }
  using Expert::apply;

  double flops_per_row() const override { return 6.0 * static_cast<double>(width_ * hidden_); }

 private:
  index width_, hidden_;
  Tensor w1_, w3_, w2_;  // [E, D, H], [E, D, H], [E, H, D]
};

const Registered<Expert> swiglu_expert("swiglu",
                                       "gated linear unit with SiLU, three matrices, no bias",
                                       [](const ExpertSite& site, Options& options) {
                                         return std::make_unique<SwiGlu>(site, options);
                                       });

}  // namespace
}  // namespace moesim
