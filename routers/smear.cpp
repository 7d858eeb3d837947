// SMEAR, soft merging of experts (Muqeeth et al. 2023): one merged expert per sequence, weighted by
// the mean of its tokens.
//
//   p = softmax(LN(mean_s x) W + b)     y = expert with Σ_e p_e W_e
//
// The mean is over the whole sequence, so it looks ahead. Training drops whole experts from the
// mixture.
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

namespace moesim {
namespace {

class Smear : public Router {
 public:
  Smear(const Site& site, Options& o) : D_(site.width), E_(site.experts) {
    const bool bias = o.flag("bias", false, "a bias on the logits");
    normalise_weight_ =
        o.flag("normalise_weight", false, "LayerNorm of every expert's column of W");
    dropout_ = o.number("expert_dropout", 0.1, {0, 0.99},
                        "probability that an expert is dropped from a mixture, in training");
    o.explain(Topic::scores, "p = softmax(LN(mean of the sequence) W)");
    o.explain(Topic::gate, "every token of the sequence uses one expert, Σ_e p_e W_e");
    o.explain(Topic::evaluation, "no expert dropout");
    const auto E = static_cast<double>(E_), S = static_cast<double>(site.length);
    traits_ = {.experts = E_,
               .sees = {.later_tokens = site.length > 1},
               .cost = {.rows_per_token = 1,
                        .router_flops = 2.0 * static_cast<double>(D_) * E / S,
                        .merge_flops = 2 * E / S},
               .assigns = false,
               .capturable = true};
    weight_ = parameter("weight", {D_, E_}, Init::normal(0.02));
    if (bias) bias_ = parameter("bias", {E_}, Init::constant(0), false);
    gain_ = parameter("norm.gain", {D_}, Init::constant(1), false);
    shift_ = parameter("norm.bias", {D_}, Init::constant(0), false);
    if (normalise_weight_) {
      column_gain_ = parameter("weight_norm.gain", {D_}, Init::constant(1), false);
      column_shift_ = parameter("weight_norm.bias", {D_}, Init::constant(0), false);
    }
  }

  Routing route(const Tokens& tokens) override {
    const index B = tokens.batch();
    const Tensor v = normalize(NormKind::layer, mean_rows(tokens.x, B), gain_, shift_);  // [B, D]
    Tensor logits;
    if (normalise_weight_) {
      const Tensor columns = swap_blocks(weight_, D_, E_, 1).reshape({E_, D_});
      logits =
          matmul(v, normalize(NormKind::layer, columns, column_gain_, column_shift_), {.b = true});
    } else {
      logits = matmul(v, weight_);
    }
    if (bias_) logits = add_row(logits, bias_);
    const Tensor p = softmax(logits);
    Merging plan{drop_experts(p, tokens.context),
                 equal_segments(B, tokens.length(), tokens.x.backend())};
    return {.plan = plan, .scores = p};
  }

 private:
  // (p ⊙ keep + 1e-10) / Σ of the same
  Tensor drop_experts(const Tensor& p, const Context& context) const {
    if (!context.training || dropout_ == 0) return p;
    Backend& backend = p.backend();
    const Tensor u = context.uniform(Purpose::router_noise, p.shape(), backend),
                 rate = Tensor::full(p.shape(), static_cast<real>(dropout_), backend);
    const Indices all = map_indices({.shape = {p.size(), 1, 1}, .add = {1}}, backend);
    const Tensor some = pick(p, where_less(u, rate, {}, all)).reshape(p.shape());
    const Tensor kept = affine(some, 1, real(1e-10));
    return div_column(kept, sum_cols(kept));
  }

  index D_, E_;
  bool normalise_weight_ = false;
  double dropout_ = 0;
  Tensor weight_, bias_, gain_, shift_, column_gain_, column_shift_;
};

const RegisterRouter<Smear> smear("smear",
                                  "experts' parameters merged per sequence (Muqeeth et al. 2023)",
                                  {{"bias", "bias=true"},
                                   {"normalised", "normalise_weight=true expert_dropout=0"}});

}  // namespace
}  // namespace moesim
