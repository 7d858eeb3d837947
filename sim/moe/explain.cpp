#include "sim/moe/explain.hpp"

#include "sim/config/text.hpp"
#include "sim/moe/router.hpp"

#include <fmt/format.h>

#include <cmath>

namespace moesim {
namespace {

// "weight [64, 8]", "bias [8]"
std::string shape_text(const Parameter& parameter) {
  std::string text = parameter.name + " [";
  for (index i = 0; i < parameter.value.shape().rank(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : ", ", parameter.value.shape()[i]);
  return text + "]";
}

std::string shapes_text(const std::vector<Parameter>& parameters) {
  std::string text;
  for (const Parameter& each : parameters) text += (text.empty() ? "" : ", ") + shape_text(each);
  return text;
}

std::string rounded(double value) { return fmt::format("{:.4g}", value); }

}  // namespace

void explain_loss(const Options& options, const std::string& name, double weight,
                  const std::string& formula, const std::string& scope, const std::string& when,
                  double value) {
  if (weight == 0) return;
  options.explain(Topic::losses,
                  fmt::format("{}: {} · {}{}; {} it is {} and adds {}", name,
                              config::shortest(weight), formula, scope.empty() ? "" : "; " + scope,
                              when, rounded(value), rounded(weight * value)));
}

void explain_balance(const Options& options, double weight, index k, const std::string& scope,
                     const std::string& counted) {
  const std::string of = counted.empty() ? fmt::format("k = {} choices, before drops", k) : counted;
  explain_loss(options, "balance", weight,
               fmt::format("E/k Σ_e f_e P_e; f_e: share of tokens with e among their {}, P_e: mean "
                           "score of e, without gradient through f",
                           of),
               scope, "at balance", 1);
}

void explain_z(const Options& options, double weight, index columns) {
  const double log = std::log(static_cast<double>(columns));
  explain_loss(options, "z", weight, "mean over tokens of (log Σ_e exp l_e)²", "",
               fmt::format("with all {} logits 0", columns), log * log);
}

void explain_router(const Options& options, const Site& site, const Router& router) {
  const Traits& traits = router.traits();
  const Sees sees = traits.sees;
  options.explain(Topic::sees,
                  sees.later_tokens && sees.other_sequences
                      ? "a token's output depends on later tokens of its sequence and on other "
                        "sequences of the "
                        "batch"
                  : sees.later_tokens ? "a token's output depends on later tokens of its sequence"
                  : sees.other_sequences
                      ? "a token's output depends on other sequences of the batch, but on no "
                        "later position"
                      : "a token's output depends on itself and earlier tokens of its sequence "
                        "alone");
  if (site.causal && sees.later_tokens)
    options.explain(Topic::sees,
                    "the task is causal: the router looks ahead, and tables mark the arm");
  if (traits.surrogate)
    options.explain(Topic::gate,
                    "the router's gradient is by design not the derivative of its value");
  if (router.buffers().empty())
    options.explain(Topic::state, "none: the parameters alone determine the routing");
  else
    options.explain(Topic::state,
                    fmt::format("buffers, without gradient, updated after every step: {}",
                                shapes_text(router.buffers())));
  options.explain(Topic::cost,
                  fmt::format("{} rows of expert compute per token, over {} experts (expected)",
                              rounded(traits.cost.rows_per_token), traits.experts));
  options.explain(Topic::cost, fmt::format("routing itself: {} FLOPs per token and layer (forward)",
                                           rounded(traits.cost.router_flops)));
  if (traits.cost.merge_flops > 0)
    options.explain(Topic::cost, fmt::format("merging: {} FLOPs per expert parameter and token",
                                             rounded(traits.cost.merge_flops)));
  if (const std::vector<Parameter> own = router.parameters(); !own.empty())
    options.explain(Topic::cost,
                    fmt::format("parameters of the router, per layer: {}", shapes_text(own)));
}

}  // namespace moesim
