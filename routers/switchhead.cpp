// SwitchHead (Csordás et al. 2023, "SwitchHead: Accelerating transformers with mixture-of-experts
// attention", equations 7 to 10): the value and output projections of every head are experts.
//
//   value of token j in head h:   v = Σ_{e of the k largest s} s_e x_j V_{h,e},  s = σ(x_j S_h)
//   output of token i:            y = Σ_h Σ_{e of the k largest r} r_e a_{h,i} O_{h,e},  r = σ(x_i R_h)
//
// a is attention with rotary positions on a part of each head, or relative ones. With one expert v
// is dense, and outputs keep their gate (released code). moe.experts counts the experts of a head.
#include "sim/moe/choose.hpp"
#include "sim/moe/policies/gates.hpp"
#include "sim/moe/policies/heads.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <algorithm>
#include <optional>

namespace moesim {
namespace {

class SwitchHead : public Router {
 public:
  SwitchHead(const Site& site, Options& o) : D_(site.width), E_(site.experts) {
    h_ = o.integer("heads", 2, {1, 256}, "attention heads");
    k_ = o.integer("k", std::min<index>(2, E_), {1, E_}, "experts per head, of each kind");
    d_ = o.integer("head_width", 0, {0, 1 << 16}, "width of a head; 0: model.width / heads");
    if (d_ == 0) d_ = std::max<index>(1, D_ / h_);
    drop_ = o.number("expert_dropout", 0, {0, 0.9},
                     "share of the experts that a token may not choose, in training");
    positions_.emplace(o, d_, site.causal);
    o.explain(Topic::selection, "per head: k experts for values and k for outputs, of E each");
    o.explain(Topic::gate, "g = sigmoid(x S), without competition, not divided");
    const Init normal = Init::normal(0.02);
    query_ = parameter("query", {D_, h_, d_}, normal);
    key_ = parameter("key", {D_, h_, d_}, normal);
    if (positions_->relative()) distance_ = parameter("distance", {D_, h_, d_}, normal);
    if (E_ > 1) source_ = parameter("source", {D_, h_ * E_}, normal);
    target_ = parameter("target", {D_, h_ * E_}, normal);
    value_ = parameter("value", {h_ * E_, D_, d_}, normal);
    output_ = parameter("output", {h_ * E_, d_, D_}, normal);
    const double products = 4.0 * static_cast<double>(D_ * h_ * (E_ + d_ * (1 + k_)));
    traits_ = {
        .experts = h_ * E_,
        .sees = {.later_tokens = !site.causal},
        .cost = {.rows_per_token = 0,
                 .router_flops = products + attention_flops(h_ * d_, site.length, site.causal),
                 .idle_parameters = 2.0 * static_cast<double>(h_ * (E_ - k_) * D_ * d_)},
        .expert_groups = h_,
        .assigns = false,  // not capturable: the load of a custom plan is read on the host
        .reroutes = positions_->relative() ? Reroutes::always : Reroutes::never};
  }

  Routing route(const Tokens& tokens) override {
    const index T = tokens.x.rows();
    const Tensor drawn = drop_ > 0 && tokens.context.training ? draws(tokens) : Tensor();
    const auto half = [&](index first) {
      if (!drawn) return Tensor();
      const IndexMap rows{.shape = {T, 1, 1}, .add = {1}, .base = first};
      return gather_rows(drawn, map_indices(rows, drawn.backend())).reshape({T * h_, E_});
    };
    const Assignment to = chosen(tokens, target_, half(0));
    const Assignment from = source_ ? chosen(tokens, source_, half(T)) : Assignment();
    Routing routing;
    routing.plan =
        Custom{.apply = [=, this](const Tensor& x,
                                  const Expert&) { return attended(x, from, to, tokens); },
               .load = load_of(to.demand)};
    return routing;
  }

 private:
  // Every head's k experts of every token: "tokens" of the plan are pairs t·h + head.
  Assignment chosen(const Tokens& tokens, const Tensor& weight, const Tensor& drawn) const {
    const index T = tokens.x.rows();
    const Tensor scores = sigmoid(matmul(tokens.x, weight)).reshape({T * h_, E_});
    const Tensor ranks = drawn ? add(scores.detach(), drawn) : scores.detach();
    const Indices best = top_k(ranks, k_);
    const Indices choice =
        map_indices(best, {.shape = {T, h_, k_}, .from = {h_ * k_, k_, 1}, .add = {0, E_}});
    return assign(choice, choice, k_, h_ * E_, at_choices(scores, best));
  }
  // Of both sides: 1 for experts that may be chosen, else -1. -> [2 T, h·E]
  Tensor draws(const Tokens& tokens) const {
    const Shape shape{2 * tokens.x.rows(), h_ * E_};
    const Tensor u = tokens.context.uniform(Purpose::second_choice, shape, tokens.x.backend());
    return moesim::sign(affine(u, 1, static_cast<real>(-drop_)));
  }
  Tensor attended(const Tensor& x, const Assignment& from, const Assignment& to,
                  const Tokens& tokens) const {
    const index T = x.rows(), width = h_ * d_;
    const auto project = [&](const Tensor& w) { return matmul(x, w.reshape({D_, width})); };
    const auto token = [&](const Assignment& plan) {
      const index rows = plan.token.size();
      return map_indices(plan.token, {.shape = {rows, 1, 1}, .from = {1}, .divide = h_});
    };
    Tensor v;
    if (source_)
      v = combine_rows(grouped_linear(gather_rows(x, token(from)), value_, {}, from.experts),
                       from.gate, from.token, T * h_)
              .reshape({T, width});
    else
      v = project(swap_blocks(value_, h_, D_, d_));
    const Tensor w = distance_ ? distance_.reshape({D_, width}) : Tensor();
    const Tensor a = positions_->attend(project(query_), project(key_), v, w, tokens, h_);
    const Tensor rows = gather_rows(a.reshape({T * h_, d_}), to.token);
    return combine_rows(grouped_linear(rows, output_, {}, to.experts), to.gate, token(to), T);
  }

  index D_, E_, h_ = 1, k_ = 1, d_ = 1;
  std::optional<HeadPositions> positions_;
  double drop_ = 0;
  Tensor query_, key_, distance_, source_, target_, value_, output_;
};

const RegisterRouter<SwitchHead> switchhead(
    "switchhead", "attention whose values and outputs are experts (Csordás et al. 2023)",
    {{"relative", "positions=relative k=1 head_width=2"},
     {"turned", "heads=3 head_width=6 rotated=1 rotary_base=100 expert_dropout=0.3"}});

}  // namespace
}  // namespace moesim
