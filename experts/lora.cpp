// Low-rank adapters on a frozen network that all experts share (Hu et al. 2022, "LoRA"). The router
// makes it MixLoRA (Li et al. 2024: k = 2, base = swiglu) or LoRAMoE and MoLoRA (Dou et al. 2023;
// Zadouri et al. 2023: all experts, softmax gates, base = linear).
//
//   every matrix W of the base:   x W + s x A_e B_e     s = alpha / rank, or alpha / √rank (rslora)
//   dora (Liu et al. 2024):       μ_e ‖W‖ / sg(‖W + s A_e B_e‖) ⊙ (x W + s x A_e B_e)
//
// Norms are of columns. B starts at zero and μ at 1, so that the bank starts as its base. Peers
// keep the magnitude μ ‖W‖ itself. Dropout on x is left out.
#include "sim/core/error.hpp"
#include "sim/moe/expert.hpp"
#include "sim/ops/ops.hpp"

#include <cmath>
#include <string>

namespace moesim {
namespace {

class Lora : public Expert {
 public:
  Lora(const ExpertSite& site, Options& o) : Expert(site) {
    swiglu_ = o.choice("base", "swiglu", {"swiglu", "linear"},
                       "the frozen network: a gated linear unit, or one matrix") == "swiglu";
    rank_ = o.integer("rank", 4, {1, 1 << 16}, "rank of an adapter");
    const double alpha = o.number("alpha", 8, {1e-6, 1e6}, "α; adapters are scaled by α / rank");
    const bool root = o.flag("rslora", false, "scale by α / √rank");
    dora_ = o.flag("dora", false, "trains the norms of columns apart from their directions");
    const auto r = static_cast<double>(rank_);
    scale_ = alpha / (root ? std::sqrt(r) : r);
    const index D = site.width, H = site.hidden;
    if (!swiglu_) {
      down_ = matrix("", D, D, true);
      return;
    }
    const auto adapted = [&](const std::string& name) {
      return o.flag("adapt_" + name, true, "the matrix " + name + " has adapters");
    };
    const bool gate = adapted("gate"), up = adapted("up"), down = adapted("down");
    if (!gate && !up && !down) o.reject("adapt_down", "no matrix has adapters; set one to true");
    gate_ = matrix("gate_", D, H, gate);
    up_ = matrix("up_", D, H, up);
    down_ = matrix("down_", H, D, down);
  }

  Tensor forward(const Rows& rows) const override {
    if (dora_ && rows.merge) fail_in("lora", "norms of columns cannot be merged; set dora = false");
    if (!swiglu_) return times(rows, down_);
    return times(rows.with(swiglu(times(rows, gate_), times(rows, up_))), down_);
  }

  std::vector<Adapted> adapted() const override {
    if (!swiglu_) return {};
    return {{"gate_base", "w1"}, {"up_base", "w3"}, {"down_base", "w2"}};
  }

  // The norms of dora cost a product per expert and pass.
  double flops_per_row() const override { return flops_ * (dora_ ? 1.15 : 1); }

 private:
  struct Matrix {
    Tensor base, a, b, size;  // [in, out], [E, in, r], [E, r, out], [E, out]; or empty
  };
  Matrix matrix(const std::string& name, index in, index out, bool adapted) {
    const index E = site().experts;
    Matrix m;
    m.base = frozen_parameter(name + "base", {in, out}, Init::normal(0.02));
    flops_ += 2 * static_cast<double>(in * out);
    if (!adapted) return m;
    m.a = parameter(name + "a", {E, in, rank_},
                    Init::normal(1 / std::sqrt(3 * static_cast<double>(in))));
    m.b = parameter(name + "b", {E, rank_, out}, Init::constant(0));
    if (dora_) m.size = parameter(name + "size", {E, out}, Init::constant(1), false);
    flops_ += 2 * static_cast<double>(rank_ * (in + out) + (dora_ ? out : 0));
    return m;
  }

  Tensor times(const Rows& rows, const Matrix& m) const {
    const auto scale = static_cast<real>(scale_);
    Tensor base = linear(rows.x, m.base, {}, Activation::none, Precision::compute);
    if (!m.a) return base;
    const Tensor low = grouped_linear(rows, m.a, {});
    Tensor y = add(base, affine(grouped_linear(rows.with(low), m.b, {}), scale));
    if (!m.size) return y;
    const index E = m.a.dim(0), in = m.base.dim(0), out = m.base.dim(1);
    const Tensor change = affine(batched_matmul(m.a, m.b), scale).reshape({E, in * out});
    const Tensor moved = add_row(change, m.base).reshape({E * in, out});
    const Tensor norm = sqrt(sum_rows(square(stop_gradient(moved)), E));  // [E, out]
    const Tensor start = sqrt(sum_rows(square(m.base)));                  // [1, out]
    const Tensor factor = div(mul_row(m.size, start), affine(norm, 1, real(1e-20)));
    const Tensor ones = Tensor::full({rows.x.rows(), 1}, 1, rows.x.backend());
    return mul(y, grouped_linear(rows.with(ones), factor.reshape({E, 1, out}), {}));
  }

  bool swiglu_ = true, dora_ = false;
  index rank_ = 1;
  double scale_ = 1, flops_ = 0;
  Matrix gate_, up_, down_;
};

const RegisterExpert<Lora> lora("lora", "low-rank adapters per expert on a shared frozen network");

}  // namespace
}  // namespace moesim
