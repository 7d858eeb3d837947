// Dialects of models in PyTorch: Hugging Face Transformers, lucidrains' ST-MoE, llm-random.
#include "experiments/explain/dialects.hpp"

namespace moesim {
namespace {

DialectLines st_moe(const Carried& c) {
  const std::string k = c.live_k("2");
  DialectLines lines = {{"k", k}, {"normalise", "sum"}};
  if (k == "1") lines.push_back({"allow_constant_gate", "true"});
  append(lines, {{"capacity_factor", c.above_zero("capacity_factor", "1.25")},
                 {"capacity_factor_eval", c.above_zero("capacity_factor_eval", "2")},
                 {"capacity_rounding", "floor"},
                 {"capacity_per_choice", "false"},
                 {"capacity_min", c.text("capacity_min", "4")},
                 {"fill", "choice"},
                 {"second", "random"},
                 {"second_eval", "random"},
                 {"second_threshold", c.text("second_threshold", "0.2")},
                 {"straight_through", c.text("straight_through", "false")},
                 {"balance_counted", "first"},
                 {"balance_over", "kept"},
                 {"balance_group", "sequence"},
                 {"balance_weight", c.text("balance_weight", "0.01")},
                 {"z_weight", c.text("z_weight", "0.001")}});
  return lines;
}

DialectLines llm_random(const Carried& c) {
  const std::string k = c.text("k", "1"), factor = c.above_zero("capacity_factor", "1");
  return {{"k", k},
          {"normalise", "none"},
          {"capacity_factor", factor},
          {"capacity_factor_eval", factor},
          {"capacity_rounding", "floor"},
          {"group", "batch"},
          {"fill", "choice"},
          {"balance_weight", balance_of_k(c, "0.01", k)},
          {"z_weight", c.text("z_weight", "0")}};
}

DialectLines hf_switch(const Carried& c) {
  return {{"k", "1"},
          {"capacity", c.above_zero("capacity", "64")},
          {"fill", "token"},
          {"jitter", c.text("jitter", "0.01")},
          {"balance_group", "sequence"},
          {"balance_weight", c.text("balance_weight", "0.001")},
          {"z_weight", c.text("z_weight", "0.001")}};
}

DialectLines hf_mixtral(const Carried& c) {
  const std::string k = c.live_k("2");
  DialectLines lines = {{"k", k}, {"softmax", "after"}};
  if (k == "1") lines.push_back({"allow_constant_gate", "true"});
  append(lines, {{"capacity_factor", "0"},
                 {"capacity_factor_eval", "0"},
                 {"balance_weight", balance_of_k(c, "0.001", k)},
                 {"z_weight", "0"}});
  return lines;
}

}  // namespace

std::vector<Dialect> model_dialects() {
  const char* const kMixtralLayers =
      "Hugging Face takes f and P over the tokens of all layers together; here each layer has a "
      "loss "
      "of its own";
  return {
      {"hf-switch",
       "",
       "Hugging Face Transformers' SwitchTransformersTop1Router (00dcc6dd)",
       "token_choice",
       is_token_choice,
       hf_switch,
       {{"switch_hf", ""}},
       {"expert_capacity is a number of rows, and not a factor: without `capacity` in the config "
        "it "
        "is the library's 64",
        "the balance loss after drops, which counts a dropped token as one of expert 0; here it "
        "counts choices before drops",
        "router_jitter_noise also changes the experts' input there, here the router's alone"}},
      {"hf-mixtral",
       "",
       "Hugging Face Transformers' MixtralSparseMoeBlock (00d4b3d2)",
       "token_choice",
       is_token_choice,
       hf_mixtral,
       {{"mixtral_hf", ""}},
       {kMixtralLayers,
        "its loss is k at balance, and here 1: router_aux_loss_coef is balance_weight / k"}},
      {"st-moe",
       "",
       "lucidrains' st-moe-pytorch (d94e65d8)",
       "token_choice",
       is_token_choice,
       st_moe,
       {{"st_moe_lucidrains", ""}},
       {"the experts' multiplicative bias: expert.name = geglu, expert.geglu.bias = true, "
        "expert.geglu.multiplier = true"}},
      {"llm-random",
       "token_choice",
       "llm-random's TokenChoiceFF (67be78cb)",
       "token_choice",
       is_token_choice,
       llm_random,
       {{"token_choice_llmrandom", ""}},
       {"which of an expert's choices find a place: a top-k of ones leaves it open; as many are "
        "kept",
        "its loss is k at balance, and here 1: its coefficient is balance_weight / k"}},
      {"llm-random",
       "expert_choice",
       "llm-random's ExpertChoiceFF (67be78cb)",
       "expert_choice",
       [](const Carried& c) { return c.router == "expert_choice"; },
       [](const Carried& c) {
         const std::string group = c.text("group", "position");
         return DialectLines{{"capacity_factor", c.above_zero("capacity_factor", "1")},
                             {"capacity_rounding", "round"},
                             {"group", group == "sequence" ? "batch" : group},
                             {"softmax", c.text("softmax", "tokens")},
                             {"z_weight", c.text("z_weight", "0")},
                             {"moe.output_norm", c.text("output_norm", "true")}};
       },
       {{"expert_choice_llmrandom", ""}},
       {"group_size > 1: groups of every g-th sequence; capacity_factor is topk_fraction · E"}},
      {"llm-random",
       "mixture_of_tokens",
       "llm-random's ContinuousMoE (67be78cb)",
       "mixture_of_tokens",
       [](const Carried& c) { return c.router == "mixture_of_tokens"; },
       [](const Carried& c) {
         DialectLines lines = {{"groups", c.text("groups", "batch")},
                               {"group_size", c.text("group_size", "0")},
                               {"emit", "shared"},
                               {"emit_softmax", c.text("emit_softmax", "group")},
                               {"temperature", c.text("temperature", "1")},
                               {"learned_temperature", c.text("learned_temperature", "false")}};
         if (c.text("learned_temperature", "false") == "true")
           lines.push_back({"temperatures", c.text("temperatures", "two")});
         lines.push_back({"evaluation", c.text("evaluation", "mixed")});
         return lines;
       },
       {{"mot", ""}},
       {"the designs of cont_moe_designs but for one or two learned temperatures"}},
  };
}

}  // namespace moesim
