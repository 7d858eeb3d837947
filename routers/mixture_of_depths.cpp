// Mixture of depths (Raposo et al. 2024, "Mixture-of-Depths: Dynamically allocating compute in
// transformer-based language models"): the C best tokens of a sequence pass, others pass by.
//
//   r = x W (+ b)     w = α f(r), f: sigmoid, tanh or identity (without α)
//   top: the C = max(1, ⌊capacity_factor · S⌋) largest r of each sequence, which look ahead
//   combine:  weighted x + w e(x): the paper around a feed-forward network, MoR around a block
//             difference x + w (e(x) - x): the paper around a block     replace w e(x): astramind
//
// Inference is causal: a predictor on sg(x), or r itself, is trained by binary cross-entropy to tell
// who is among the C, and a token passes if it is positive. On causal tasks training does the same;
// training = top is the published form. inference = top takes the C in evaluation, too.
// Peers differ: astramind takes the tokens above the C-th only (strict), and has a bias.
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/capacity.hpp"
#include "sim/moe/policies/loss_weights.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

class MixtureOfDepths : public Router {
 public:
  MixtureOfDepths(const Site& site, Options& o) : D_(site.width) {
    capacity_.factor = o.number("capacity_factor", 0.125, {1e-6, 1}, "share of tokens that pass");
    capacity_.rounding = Rounding::floor;
    weight_by_ = o.choice("weight", "sigmoid", {"sigmoid", "tanh", "raw"}, "f, of the weight");
    alpha_ = o.number("alpha", 1, {1e-6, 1e6}, "factor on the weight");
    combine_ = o.choice("combine", "weighted", {"weighted", "difference", "replace"},
                        "how the output joins the residual stream; moe.at = block: difference");
    inference_ =
        o.choice("inference", site.causal ? "predictor" : "top", {"predictor", "router", "top"},
                 "who passes in evaluation: whom a predictor picks, r > 0, or the C best");
    trained_by_top_ =
        o.choice("training", inference_ == "top" ? "top" : "inference", {"top", "inference"},
                 "who passes in training: the C best (published), or as in evaluation, which "
                 "looks nowhere ahead") == "top";
    strict_ = o.flag("strict", false, "only tokens above the C-th best, unless C is 1");
    sampling_ = o.number("sampling_weight", 0.01, {0, 1e6},
                         "weight of the loss that teaches the predictor, or r, who passes");
    const bool bias = o.flag("bias", false, "r has a bias");
    if (alpha_ != 1 && weight_by_ == "raw") o.reject("alpha", "raw weights have no factor");
    if (sampling_ == 0 && inference_ != "top")
      o.reject("sampling_weight", "nothing would learn who passes; set inference = top");
    if (inference_ == "top" && !trained_by_top_)
      o.reject("training", "inference = top is the same; set predictor or router");
    o.explain(Topic::selection,
              "who passes in training: by " + (trained_by_top_ ? "top" : inference_));
    o.explain(Topic::evaluation, "who passes: by " + inference_);
    if (inference_ == "top")
      o.explain(Topic::losses, "sampling: none, because inference = top predicts nothing");
    else
      explain_loss(
          o, "sampling", sampling_,
          "mean over tokens of log(1 + exp z) - t z; z: of the predictor, or r; t: 1 for a "
          "token among the C best",
          "", "with all z = 0", std::log(2.0));
    o.explain(Topic::gate, "w = α f(r), r = x W");
    o.explain(Topic::capacity, "C = " + capacity_.formula(std::max<index>(1, site.length), 1, 1));
    weight_ = parameter("weight", {D_, 1}, Init::normal(0.02));
    if (bias) bias_ = parameter("bias", {1}, Init::constant(0), false);
    if (inference_ == "predictor") predictor_ = parameter("predictor", {D_, 1}, Init::normal(0.02));
    const index S = std::max<index>(1, site.length);
    traits_ = {.experts = 1,
               .sees = {.later_tokens = trained_by_top_},
               .cost = {.rows_per_token = static_cast<double>(number(S)) / static_cast<double>(S),
                        .router_flops = (predictor_ ? 4.0 : 2.0) * static_cast<double>(D_)},
               .surrogate = static_cast<bool>(predictor_),  // blocks read the plan on the
                                                            // host: steps are not replayed
               .reroutes = inference_ == "top" ? Reroutes::always : Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const index B = tokens.batch(), S = tokens.length(), T = B * S, C = number(S);
    Backend& backend = tokens.x.backend();
    const Tensor r = linear(tokens.x, weight_, bias_);  // [T, 1]
    const Tensor guess = predictor_ ? matmul(stop_gradient(tokens.x), predictor_) : r;
    const Tensor best = marked(top_k_rows(r.detach(), B, C), B, S, C);  // [T]: 1 or 0
    const bool top = inference_ == "top" || (trained_by_top_ && tokens.context.trained_rules());
    const Tensor half = Tensor::full({T}, real(top ? 0.5 : 0), backend);
    const Indices choice = where_less(half, top ? best : guess.detach().reshape({T}),
                                      map_indices({.shape = {T, 1, 1}}, backend), {});
    const Tensor f = weight_by_ == "sigmoid" ? sigmoid(r) : weight_by_ == "tanh" ? tanh(r) : r;
    const Tensor w = affine(f, static_cast<real>(alpha_)).reshape({T});
    Assignment plan = assign(choice, choice, 1, 1, w, top ? B * C : T);
    const Tensor passes = top ? best : to_real(histogram(plan.token, T), {T}, 1);
    if (combine_ == "difference") plan.bypass = affine(mul(w, passes), -1);
    if (combine_ == "replace") plan.bypass = affine(passes, -1);

    Routing routing{.plan = plan, .metrics = {{"passing", mean(passes)}}};
    if (inference_ != "top") {
      const Tensor z = guess.reshape({T});  // -t log σ(z) - (1 - t) log σ(-z) = softplus(z) - t z
      routing.losses.push_back(
          {"sampling", static_cast<real>(sampling_), mean(sub(softplus(z), mul(best, z)))});
    }
    return routing;
  }

  double expert_rows(index tokens) const override {
    return trained_by_top_ ? Router::expert_rows(tokens) : static_cast<double>(tokens);
  }

 private:
  index number(index length) const {
    const index C = capacity_.rows(length, 1, 1);
    return strict_ && C > 1 ? C - 1 : C;
  }
  // 1 at the tokens of [B, C] places in their sequences. -> [T]
  static Tensor marked(const Indices& place, index B, index S, index C) {
    const Indices token = map_indices(place, {.shape = {B, C, 1}, .from = {C, 1}, .add = {S}});
    return combine_rows(Tensor::full({B * C, 1}, 1, place.backend()), {}, token, B * S)
        .reshape({B * S});
  }

  index D_;
  Capacity capacity_;
  std::string weight_by_, combine_, inference_;
  bool strict_ = false, trained_by_top_ = true;
  double alpha_ = 1, sampling_ = 0;
  Tensor weight_, bias_, predictor_;  // [D, 1], [1], [D, 1]
};

const RegisterRouter<MixtureOfDepths> mixture_of_depths(
    "mixture_of_depths",
    "the block processes the tokens of a sequence with the highest scores; all others skip it",
    {{"recursion",
      "combine=difference inference=router training=top alpha=0.1 capacity_factor=0.5"},
     {"tanh", "weight=tanh capacity_factor=0.4 sampling_weight=0.1"},
     {"published", "training=top capacity_factor=0.4"},
     {"astramind",
      "combine=replace weight=raw strict=true bias=true inference=top capacity_factor=0.5"}});

}  // namespace
}  // namespace moesim
