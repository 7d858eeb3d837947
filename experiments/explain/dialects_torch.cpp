// Dialects of libraries of MoE layers in PyTorch, but for Megatron-LM.
#include "experiments/explain/dialects.hpp"

namespace moesim {
namespace {

bool chooses(const Carried& c, double k) { return is_token_choice(c) && c.number("k", 0) == k; }

// DeepSpeed's TopKGate, for k experts.
DialectLines deepspeed(const Carried& c, const std::string& k, const char* fill) {
  const bool one = std::string(fill) == "random";
  DialectLines lines = {{"k", k},
                        {"capacity_factor", c.text("capacity_factor", "1")},
                        {"capacity_factor_eval", c.text("capacity_factor_eval", "1")},
                        {"capacity_min", c.text("capacity_min", "4")},
                        {"group", "batch"},
                        {"fill", fill},
                        {"normalise", one ? "none" : "sum"},
                        {"normalise_over", one ? "chosen" : "kept"}};
  if (!one && k == "1") lines.push_back({"allow_constant_gate", "true"});
  append(lines, {{"balance_counted", std::string(fill) == "choice" ? "first" : "all"},
                 {"balance_weight", c.text("balance_weight", "0.01")},
                 {"z_weight", "0"}});
  return lines;
}

DialectLines tutel(const Carried& c, const char* fill) {
  const bool divides = !is_single(c, 2) && c.text("normalise", "auto") != "none";
  return {{"k", c.text("k", "2")},
          {"capacity_factor", c.text("capacity_factor", "1")},
          {"capacity_factor_eval", c.text("capacity_factor_eval", "1")},
          {"capacity_rounding", "floor"},
          {"capacity_share", "whole"},
          {"group", "batch"},
          {"fill", fill},
          {"normalise", divides ? "sum" : "none"},
          {"balance_counted", "first"},
          {"balance_weight", c.text("balance_weight", "0.01")},
          {"z_weight", "0"}};
}

DialectLines megablocks(const Carried& c) {
  // moe_normalize_expert_weights: None, 1 or 2.
  const std::string rule = c.text("normalise", "none") == "auto"
                               ? (is_single(c, 1) ? "none" : "sum")
                               : c.text("normalise", "none");
  DialectLines lines = {{"k", c.text("k", "1")}, {"normalise", rule}};
  if (is_single(c, 1) && rule != "none") lines.push_back({"allow_constant_gate", "true"});
  append(lines, {{"balance_weight", c.text("balance_weight", "0.1")},
                 {"z_weight", c.text("z_weight", "0")}});
  return lines;
}

DialectLines fastmoe(const Carried& c) {
  const std::string k = c.live_k("2");
  DialectLines lines = {{"k", k}, {"softmax", "after"}};
  if (k == "1") lines.push_back({"allow_constant_gate", "true"});
  append(lines, {{"capacity_factor", "0"}, {"capacity_factor_eval", "0"}, {"balance_weight", "0"}});
  return lines;
}

DialectLines noisy_fastmoe(const Carried& c) {
  DialectLines lines = fastmoe(c);
  append(lines, {{"noise", "learned"},
                 {"noise_epsilon", c.text("noise_epsilon", "0.01")},
                 {"cv_variance", "sample"},
                 {"importance_weight", c.text("importance_weight", "0.1")},
                 {"load_weight", c.text("load_weight", "0.1")}});
  return lines;
}

}  // namespace

std::vector<Dialect> torch_dialects() {
  const char* const kRounded =
      "DeepSpeed computes the capacity in single precision, so that rounding up may add one row";
  return {
      {"deepspeed",
       "top1",
       "DeepSpeed's TopKGate(k = 1, use_rts = True) (38327e07)",
       "token_choice",
       [](const Carried& c) { return chooses(c, 1); },
       [](const Carried& c) { return deepspeed(c, "1", "random"); },
       {{"deepspeed_gates", "mode = top1 and top1_rts"}},
       {kRounded, "noisy_gate_policy = RSample or Jitter"}},
      {"deepspeed",
       "top2",
       "DeepSpeed's TopKGate(k = 2, top2_2nd_expert_sampling = False) (38327e07)",
       "token_choice",
       [](const Carried& c) { return chooses(c, 2); },
       [](const Carried& c) { return deepspeed(c, "2", "choice"); },
       {{"deepspeed_gates", "mode = top2"}},
       {kRounded,
        "the second expert sampled with Gumbel noise, which is DeepSpeed's default: "
        "top2_2nd_expert_sampling = True"}},
      {"deepspeed",
       "topk",
       "DeepSpeed's TopKGate(k, drop_policy = probs) (38327e07), which ranks logits, those of "
       "other "
       "tokens as 0",
       "token_choice",
       is_token_choice,
       [](const Carried& c) { return deepspeed(c, c.text("k", "4"), "logit"); },
       {{"deepspeed_gates", "mode = topk_probs"}},
       {kRounded, "later versions rank gates (PR #7986): fill = gate"}},
      {"deepspeed",
       "topk_position",
       "DeepSpeed's TopKGate(k, drop_policy = position) (38327e07)",
       "token_choice",
       [](const Carried&) { return false; },
       [](const Carried& c) { return deepspeed(c, c.text("k", "4"), "token"); },
       {{"deepspeed_gates", "mode = topk_position"}},
       {kRounded}},
      {"tutel",
       "top",
       "Tutel's gate of type top (82af7aad)",
       "token_choice",
       [](const Carried& c) { return is_token_choice(c) && c.text("fill", "") != "priority"; },
       [](const Carried& c) { return tutel(c, "choice"); },
       {{"tutel_bpr", "batch_prioritized = 0"}},
       {"a negative capacity factor, which also limits capacity to the largest load: no more is "
        "dropped with its absolute value",
        "the loss load_importance, Tutel's other choice"}},
      {"tutel",
       "bpr",
       "Tutel's gate of type top with batch_prioritized_routing (82af7aad)",
       "token_choice",
       is_token_choice,
       [](const Carried& c) { return tutel(c, "priority"); },
       {{"tutel_bpr", "batch_prioritized = 1"}},
       {"a negative capacity factor", "the loss load_importance, Tutel's other choice"}},
      {"tutel",
       "cosine",
       "Tutel's gate of type cosine_top (82af7aad), without capacity",
       "cosine",
       [](const Carried& c) { return c.router == "cosine"; },
       [](const Carried& c) {
         DialectLines lines = {{"k", c.text("k", "1")},
                               {"projection", c.text("projection", "256")},
                               {"temperature", c.text("temperature", "0.5")},
                               {"learned_temperature", "true"},
                               {"bias", "true"},
                               {"normalise", is_single(c, 1) ? "none" : "sum"},
                               {"balance_weight", c.text("balance_weight", "0.01")},
                               {"z_weight", "0"}};
         return lines;
       },
       {{"xmoe_cosine", "kind = tutel"}},
       {"capacity and losses: the golden files are of the gate alone"}},
      {"megablocks",
       "dropless",
       "MegaBlocks' dMoE (78eea65f)",
       "token_choice",
       is_token_choice,
       [](const Carried& c) {
         DialectLines lines = megablocks(c);
         append(lines, {{"capacity_factor", "0"}, {"capacity_factor_eval", "0"}});
         return lines;
       },
       {{"megablocks_router", ""}},
       {"moe_jitter_eps, a factor on the input of router and experts"}},
      {"megablocks",
       "dropping",
       "MegaBlocks' MoE (78eea65f), with capacity ⌊factor · k T / E⌋",
       "token_choice",
       [](const Carried&) { return false; },
       [](const Carried& c) {
         DialectLines lines = megablocks(c);
         const std::string factor = c.above_zero("capacity_factor", "1");
         append(lines, {{"capacity_factor", factor},
                        {"capacity_factor_eval", factor},
                        {"capacity_rounding", "floor"},
                        {"group", "batch"},
                        {"fill", "token"}});
         return lines;
       },
       {},
       {"its kernels sort rows; that they keep the first ones of an expert was read, not run"}},
      {"fastmoe",
       "naive",
       "FastMoE's NaiveGate (ee3c5615): no capacity, no loss",
       "token_choice",
       [](const Carried& c) { return is_token_choice(c) && c.text("noise", "none") != "learned"; },
       fastmoe,
       {{"mixtral_hf", "the same formulas: softmax over the chosen, no capacity"}},
       {"FastMoE's GShard, Switch and SWIPE gates, which have no golden files (CUDA extensions)"}},
      {"fastmoe",
       "noisy",
       "FastMoE's NoisyGate (ee3c5615), noisy top-k (Shazeer et al. 2017)",
       "token_choice",
       is_token_choice,
       noisy_fastmoe,
       {{"shazeer_noisy_topk", "peer = fastmoe"}},
       {"in evaluation, and with k = E, FastMoE's load is a count without gradient; here it is "
        "left "
        "out"}},
  };
}

}  // namespace moesim
