// Lory (Zhong et al. 2024): the parameters of the experts are merged per segment of the sequence,
// with weights from the mean of the previous segment. There is no public code; this follows
// algorithm 1 of the paper.
//
//   e_n = softmax(mean(segment n) R)
//   segment n uses Σ_e e_{n-1}[e] W_e; the first segment
//     first = own      e_1 without gradient (the paper): its outputs depend on its own later tokens
//     first = uniform  1/E
//     first = learned  softmax(f), f a parameter [E] that starts at 0
//
// Only `own` looks ahead, and only within the first segment. In generation the weights depend on the
// prompt only.
#include "sim/core/error.hpp"
#include "sim/moe/choose.hpp"
#include "sim/moe/router.hpp"
#include "sim/ops/ops.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

class Lory : public Router {
 public:
  Lory(const Site& site, Options& o) : D_(site.width), E_(site.experts) {
    segment_ =
        o.integer("segment", 0, {0, 1 << 20},
                  "tokens per segment; 0: a quarter of the length, or what divides it below that");
    if (segment_ == 0) {
      segment_ = std::max<index>(1, (site.length + 3) / 4);
      while (site.length % segment_ != 0) --segment_;
    }
    if (segment_ < site.length && site.length % segment_ != 0) {
      index valid = segment_;
      while (site.length % valid != 0) --valid;
      o.reject("segment", "segments of " + std::to_string(segment_) +
                              " do not divide data.length = " + std::to_string(site.length) +
                              "; the nearest that does is " + std::to_string(valid));
    }
    prefix_ = o.choice("mode", "causal", {"causal", "prefix"},
                       "weights from the segment before, or from the first for all (ablation)") ==
              "prefix";
    first_ =
        o.choice("first", "own", {"own", "uniform", "learned"},
                 "weights of the first segment: from its own tokens, which looks ahead, equal, "
                 "or a parameter");
    if (prefix_ && first_ != "own")
      o.reject("first",
               "mode = prefix uses the weights of the first segment's own tokens for all; "
               "set first = own, or mode = causal");
    prompt_ = o.integer("prompt", 0, {0, 1 << 20},
                        "at evaluation, weights from the mean of this many first tokens for all; "
                        "0: as in training");
    o.explain(Topic::scores,
              fmt::format("e_n = softmax(mean(segment n) R), segments of {} tokens", segment_));
    o.explain(Topic::gate, prefix_
                               ? "all tokens use the experts merged by e_1: Σ_e e_1[e] W_e"
                               : "segment n uses Σ_e e_(n-1)[e] W_e; the first " +
                                     std::string(first_ == "own"       ? "sg(e_1)"
                                                 : first_ == "uniform" ? "Σ_e W_e / E"
                                                                       : "softmax(f), f learned"));
    o.explain(Topic::evaluation,
              prompt_ > 0
                  ? fmt::format("the mean of the first {} tokens merges", prompt_)
                  : "in generation, the mean of the prompt gives the weights for all tokens");
    // The first segment looks ahead by its own mean; with segments of one token nothing does.
    const bool own = first_ == "own";
    const index first = std::min(segment_, site.length);
    const double size = static_cast<double>(first), E = static_cast<double>(E_);
    traits_ = {.experts = E_,
               .sees = {.later_tokens = prompt_ > 1 || (own && first > 1)},
               .cost = {.rows_per_token = 1,
                        .router_flops = 2.0 * static_cast<double>(D_) * E / size,
                        .merge_flops = 2 * E / size},
               .assigns = false,
               .capturable = true,
               .surrogate = own && !prefix_,  // the first segment's weights get no gradient
               .reroutes = Reroutes::never};
    weight_ = parameter("weight", {D_, E_}, Init::normal(0.02));
    if (first_ == "learned") logits_ = parameter("first", {E_}, Init::constant(0));
  }

  Routing route(const Tokens& tokens) override {
    const index B = tokens.batch(), S = tokens.length();
    Backend& backend = tokens.x.backend();
    if (tokens.context.generating != Generating::no) return generate(tokens);
    const bool prompted = prompt_ > 0 && !tokens.context.trained_rules();
    // A sequence that is shorter than a segment, or not a multiple of it, is one segment.
    const index size = segment_ < S && S % segment_ == 0 ? segment_ : S;
    const index segments = S / size, groups = prompted ? B : B * segments;

    Tensor weights;  // [groups, E], as used
    if (prompted) {
      const index first = std::min(prompt_, S);
      const Indices rows = map_indices({.shape = {B, first, 1}, .add = {S, 1}}, backend);
      weights = softmax(matmul(mean_rows(gather_rows(tokens.x, rows), B), weight_));
    } else {
      const Tensor own = softmax(matmul(mean_rows(tokens.x, groups), weight_));
      const IndexMap of_first{.shape = {B, segments, 1}, .add = {segments}};
      weights =
          prefix_ ? gather_rows(own, map_indices(of_first, backend)) : causal(own, B, segments);
    }
    Merging plan{weights, equal_segments(groups, B * S / groups, backend)};
    return {.plan = plan, .scores = weights};
  }

 private:
  // Zhong et al. 2024, section 3.3: in generation, experts are merged once, by the mean of the
  // prompt.
  Routing generate(const Tokens& tokens) {
    if (tokens.context.generating == Generating::prompt)
      of_prompt_ = softmax(matmul(mean_rows(tokens.x, tokens.batch()), weight_));
    if (!of_prompt_ || of_prompt_.rows() != tokens.batch())
      fail_in("lory", "a continuation without the pass over its prompt");
    Merging plan{of_prompt_, equal_segments(tokens.batch(), tokens.length(), tokens.x.backend())};
    return {.plan = plan, .scores = of_prompt_};
  }

  Tensor causal(const Tensor& own, index B, index segments) const {
    std::vector<std::int32_t> before, first;  // -1: none
    const bool of_own = first_ == "own";
    for (index b = 0; b < B; ++b)
      for (index n = 0; n < segments; ++n) {
        before.push_back(n == 0 ? -1 : static_cast<std::int32_t>(b * segments + n - 1));
        first.push_back(n == 0 ? static_cast<std::int32_t>(of_own ? b * segments : 0) : -1);
      }
    Backend& backend = own.backend();
    return add(
        gather_rows(own, Indices::of(before, backend)),
        gather_rows(of_own ? stop_gradient(own) : common(backend), Indices::of(first, backend)));
  }

  // Weights of the first segment that depend on no token: [1, E].
  Tensor common(Backend& backend) const {
    if (logits_) return softmax(logits_.reshape({1, E_}));
    return Tensor::full({1, E_}, real(1) / static_cast<real>(E_), backend);
  }

  index D_, E_, segment_ = 1, prompt_ = 0;
  bool prefix_ = false;
  std::string first_;
  Tensor weight_;     // [D, E]
  Tensor logits_;     // [E], of the first segment if it is learned
  Tensor of_prompt_;  // [B, E], from the prompt of the text in generation
};

const RegisterRouter<Lory> lory(
    "lory", "experts' parameters merged per segment, causally (Zhong et al. 2024)",
    {{"prefix", "mode=prefix segment=4"},
     {"prompt", "prompt=3"},
     {"uniform", "first=uniform"},
     {"learned", "first=learned"}});

}  // namespace
}  // namespace moesim
