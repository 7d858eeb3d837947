#include "sim/moe/explain.hpp"

#include "sim/moe/router.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// "weight [64, 8]", "bias [8]"
std::string shape_text(const Parameter& parameter) {
  std::string text = parameter.name + " [";
  const Shape& shape = parameter.value.shape();
  for (int i = 0; i < shape.rank(); ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", shape[i]);
  return text + "]";
}

std::string shapes_text(const std::vector<Parameter>& parameters) {
  std::string text;
  for (const Parameter& each : parameters) text += (text.empty() ? "" : ", ") + shape_text(each);
  return text;
}

std::string rounded(double value) {
  return value < 1000 ? fmt::format("{:.4g}", value) : fmt::format("{:.0f}", value);
}

}  // namespace

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
    options.explain(Topic::state, "no buffers: nothing but parameters changes from step to step");
  else
    options.explain(Topic::state, fmt::format("buffers, which have no gradient: {}",
                                              shapes_text(router.buffers())));
  options.explain(Topic::cost,
                  fmt::format("rows of expert compute per token: {} expected, over {} experts",
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
