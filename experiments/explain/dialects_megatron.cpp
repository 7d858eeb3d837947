// Dialects of Megatron-LM and torchtitan: bias_balanced, without a bias where they have none.
#include "experiments/explain/dialects.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

bool is_bias_balanced(const Carried& c, const char* scores) {
  return c.router == "bias_balanced" && c.text("scores", "sigmoid") == scores;
}
bool by_quantile(const Carried& c, const char* update) {
  return c.router == "bias_balanced" && c.text("bias_update", "sign") == update;
}
// Gates of a token sum to 1: Megatron's default, a softmax over the chosen. own: the library's k.
bool divides(const Carried& c, double own = 2) {
  const std::string rule = c.text("normalise", "auto");
  return c.text("softmax", "before") == "after" || rule == "sum" ||
         (rule == "auto" && c.number("k", own) != 1);
}
bool chooses_k(const Carried& c) { return is_token_choice(c) || c.router == "bias_balanced"; }

// Megatron's TopKRouter with this score function and this rule for the gates.
DialectLines top_k_router(const Carried& c, const char* scores, const char* normalise,
                          const char* speed) {
  DialectLines lines = {{"k", c.text("k", "2")}, {"scores", scores}, {"normalise", normalise}};
  if (std::string(normalise) == "sum" && c.number("k", 2) == 1)
    lines.push_back({"allow_constant_gate", "true"});
  if (c.number("groups", 1) > 1) {
    lines.push_back({"groups", c.text("groups", "1")});
    lines.push_back({"top_groups", c.text("top_groups", "1")});
    lines.push_back({"group_best", "0"});
  }
  if (c.has("scale")) lines.push_back({"scale", c.text("scale", "1")});
  // moe_expert_capacity_factor, of training and evaluation alike; drop policy probs.
  const std::string factor = c.text("capacity_factor", "0");
  lines.push_back({"capacity_factor", factor});
  lines.push_back({"capacity_factor_eval", factor});
  if (c.number("capacity_factor", 0) > 0) {
    lines.push_back({"group", "batch"});
    lines.push_back({"fill", "gate"});
  }
  lines.push_back({"bias_speed", speed});
  lines.push_back({"balance_weight", c.text("balance_weight", "0.01")});
  lines.push_back({"balance_counted", "unbiased"});
  lines.push_back(
      {"balance_group", c.router == "bias_balanced" ? c.text("balance_group", "batch") : "batch"});
  lines.push_back({"z_weight", c.text("z_weight", "0")});
  return lines;
}

DialectLines quantile(const Carried& c, const char* update, const char* on, bool after) {
  const bool single = c.number("k", 2) == 1;
  const std::string scores = c.text("scores", "sigmoid");
  const bool softmax = scores == "softmax";
  const bool sums = softmax ? c.text("normalise", "sum") != "none" : after || !single;
  DialectLines lines = {{"k", c.text("k", "2")},
                        {"scores", scores},
                        {"normalise", sums ? "sum" : "none"},
                        {"scale", c.text("scale", "1")},
                        {"bias_update", update},
                        {"bias_on", on},
                        {"bias_average", c.text("bias_average", "0")},
                        {"balance_weight", "0"}};
  if (sums && single) lines.push_back({"allow_constant_gate", "true"});
  return lines;
}

// torchtitan's TokenChoiceTopKRouter.
DialectLines torchtitan(const Carried& c) {
  const bool sums = divides(c, 1);
  DialectLines lines = {{"k", c.text("k", "1")},
                        {"scores", c.router == "bias_balanced" ? c.text("scores", "sigmoid")
                                                               : std::string("sigmoid")},
                        {"normalise", sums ? "sum" : "none"},
                        {"scale", c.text("scale", "1")},
                        {"bias_speed", c.text("bias_speed", "1e-3")},
                        {"balance_weight", "0"}};
  if (sums && c.number("k", 1) == 1) lines.push_back({"allow_constant_gate", "true"});
  if (c.number("groups", 1) > 1) {
    lines.push_back({"groups", c.text("groups", "1")});
    lines.push_back({"top_groups", c.text("top_groups", "1")});
    lines.push_back({"group_best", c.text("group_best", "2")});
  }
  return lines;
}

const char* const kPosition =
    "moe_token_drop_policy = position drops by a top-k of ones, which leaves open who is dropped";
const char* const kRows =
    "Megatron numbers tokens position by position, which matters only where gates are equal";

}  // namespace

std::vector<Dialect> megatron_dialects() {
  return {
      {"megatron",
       "softmax",
       "Megatron-LM's TopKRouter (d98e8a64): softmax over the chosen (moe_router_pre_softmax = "
       "False), no expert bias",
       "bias_balanced",
       [](const Carried& c) {
         return (is_token_choice(c) || is_bias_balanced(c, "softmax")) && divides(c);
       },
       [](const Carried& c) { return top_k_router(c, "softmax", "sum", "0"); },
       {{"megatron_topk", "score_function = softmax, pre_softmax = 0"},
        {"balance_scopes", "the scopes of the balance loss"}},
       {kPosition, kRows,
        "with k = 1 the gate is always 1, and the router gets no gradient from the task, as "
        "there"}},
      {"megatron",
       "pre_softmax",
       "Megatron-LM's TopKRouter (d98e8a64): softmax over all experts (moe_router_pre_softmax = "
       "True), no expert bias",
       "bias_balanced",
       [](const Carried& c) {
         return (is_token_choice(c) || is_bias_balanced(c, "softmax")) && !divides(c);
       },
       [](const Carried& c) { return top_k_router(c, "softmax", "none", "0"); },
       {{"megatron_topk", "score_function = softmax, pre_softmax = 1"}},
       {kPosition, kRows}},
      {"megatron",
       "sigmoid",
       "Megatron-LM's TopKRouter (d98e8a64): score_function = sigmoid, "
       "moe_router_enable_expert_bias",
       "bias_balanced",
       [](const Carried& c) {
         return is_bias_balanced(c, "sigmoid") && !by_quantile(c, "quantile");
       },
       [](const Carried& c) {
         return top_k_router(c, "sigmoid", "auto", c.text("bias_speed", "1e-3").c_str());
       },
       {{"megatron_topk", "score_function = sigmoid"}},
       {kPosition, kRows}},
      {"megatron",
       "sqrtsoftplus",
       "Megatron-LM's TopKRouter (d98e8a64): score_function = sqrtsoftplus, expert bias",
       "bias_balanced",
       [](const Carried& c) {
         return is_bias_balanced(c, "sqrt_softplus") && !by_quantile(c, "quantile");
       },
       [](const Carried& c) {
         return top_k_router(c, "sqrt_softplus", "auto", c.text("bias_speed", "1e-3").c_str());
       },
       {{"megatron_topk", "score_function = sqrtsoftplus"}},
       {kPosition, kRows}},
      {"megatron",
       "quantile",
       "Megatron-LM's quantile balancing (d98e8a64): a bias on logits, set to a quantile after "
       "each "
       "step",
       "bias_balanced",
       [](const Carried& c) { return by_quantile(c, "quantile"); },
       [](const Carried& c) { return quantile(c, "quantile", "logits", false); },
       {{"quantile_balancing", "kind = megatron"}},
       {"Megatron subtracts its bias: it is minus the one here"}},
      {"megatron",
       "sinkhorn",
       "Megatron-LM's Sinkhorn balancing (d98e8a64): moe_router_load_balancing_type = sinkhorn",
       "sinkhorn",
       [](const Carried& c) { return c.router == "sinkhorn"; },
       [](const Carried& c) {
         return DialectLines{{"k", c.text("k", "1")}, {"group", "batch"},
                             {"gate", "auto"},        {"values", "exponential"},
                             {"iterations", "0"},     {"tolerance", c.text("tolerance", "1e-4")}};
       },
       {{"sinkhorn_megatron", ""}},
       {"Sinkhorn over the whole batch looks ahead on causal tasks, as there"}},
      {"torchtitan",
       "topk",
       "torchtitan's TokenChoiceTopKRouter: sigmoid scores, expert bias (load_balance_coeff), "
       "route_norm as the config's normalise",
       "bias_balanced",
       [](const Carried& c) { return chooses_k(c) && !by_quantile(c, "histogram"); },
       torchtitan,
       {{"deepseek_v3", "the same formulas: score_func = sigmoid"}},
       {"torchtitan subtracts the mean from each change of the biases: no choice depends on it",
        "no golden files of this class: its code was read, and is compared as DeepSeek-V3"}},
      {"torchtitan",
       "kimi_k3",
       "torchtitan's quantile balancing of Kimi K3 (7eb2dcbe)",
       "bias_balanced",
       [](const Carried& c) { return by_quantile(c, "histogram"); },
       [](const Carried& c) {
         DialectLines lines = quantile(c, "histogram", "scores", true);
         lines.push_back({"bias_bins", c.text("bias_bins", "1000")});
         return lines;
       },
       {{"quantile_balancing", "kind = kimi (transcribed)"}},
       {}},
  };
}

}  // namespace moesim
