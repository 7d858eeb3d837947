// Dialects of libraries in JAX, whose code was read and transcribed, not run.
#include "experiments/explain/dialects.hpp"

namespace moesim {
namespace {

DialectLines vmoe(const Carried& c, const char* fill) {
  DialectLines lines = {{"k", c.text("k", "2")},
                        {"normalise", "none"},
                        {"capacity_factor", c.above_zero("capacity_factor", "1")},
                        {"capacity_factor_eval", c.above_zero("capacity_factor_eval", "1")},
                        {"capacity_multiple", c.text("capacity_multiple", "4")},
                        {"fill", fill}};
  const std::string deviation = c.text("noise_std", "1");
  if (c.text("noise", "gaussian") != "none" && c.number("noise_std", 1) > 0) {
    lines.push_back({"noise", "gaussian"});
    lines.push_back({"noise_std", deviation});
    lines.push_back({"load_weight", c.text("load_weight", "0.005")});
  }
  lines.push_back({"importance_weight", c.text("importance_weight", "0.005")});
  lines.push_back({"balance_counted", "first"});
  lines.push_back({"balance_group", "sequence"});
  lines.push_back({"balance_weight", c.text("balance_weight", "0")});
  return lines;
}

}  // namespace

std::vector<Dialect> jax_dialects() {
  const char* const kMany =
      "with a multiple of 4 the capacity may exceed the number of tokens of a group, which changes "
      "nothing; here it is at most that number";
  return {
      {"vmoe",
       "top",
       "V-MoE's NoisyTopExpertsPerItemRouter with EinsumDispatcher (942a78bc), batch_priority = "
       "False",
       "token_choice",
       [](const Carried& c) { return is_token_choice(c) && c.text("fill", "") != "priority"; },
       [](const Carried& c) { return vmoe(c, "choice"); },
       {{"vmoe_topk_bpr", "batch_priority = 0 (transcribed)"}},
       {kMany, "the load loss in training, which is read and not compared"}},
      {"vmoe",
       "bpr",
       "V-MoE's NoisyTopExpertsPerItemRouter (942a78bc), batch_priority = True (BPR)",
       "token_choice",
       is_token_choice,
       [](const Carried& c) { return vmoe(c, "priority"); },
       {{"vmoe_topk_bpr", "batch_priority = 1 (transcribed)"}},
       {kMany, "the load loss in training, which is read and not compared"}},
      {"vmoe",
       "expert_choice",
       "V-MoE's expert choice (942a78bc): NoisyTopItemsPerExpertRouter",
       "expert_choice",
       [](const Carried& c) { return c.router == "expert_choice"; },
       [](const Carried& c) {
         return DialectLines{{"capacity_factor", c.above_zero("capacity_factor", "2")},
                             {"capacity_rounding", c.text("capacity_rounding", "ceil")},
                             {"capacity_multiple", c.text("capacity_multiple", "4")},
                             {"group", "sequence"},
                             {"softmax", "experts"}};
       },
       {{"expert_choice_paper", "capacity_rounding = ceil (transcribed)"}},
       {"noise on the logits in training (noise_std 1 / E)"}},
      {"vmoe",
       "soft",
       "V-MoE's SoftMoE router (942a78bc)",
       "soft",
       [](const Carried& c) { return c.router == "soft"; },
       [](const Carried& c) {
         return DialectLines{{"slots", c.text("slots", "0")},
                             {"capacity_factor", c.above_zero("capacity_factor", "1")},
                             {"normalise", "true"},
                             {"norm", "unit"},
                             {"norm_epsilon", "1e-6"},
                             {"slots_mix", "tokens"}};
       },
       {{"soft_moe_paper", "(transcribed)"}},
       {}},
      {"flaxformer",
       "tokens_choose",
       "flaxformer's TokensChooseMaskedRouter (399ea3a8)",
       "token_choice",
       is_token_choice,
       [](const Carried& c) {
         const std::string k = c.text("k", "1");
         return DialectLines{
             {"k", k},
             {"normalise", "none"},
             {"capacity_factor", c.above_zero("capacity_factor", "1.25")},
             {"capacity_factor_eval", c.above_zero("capacity_factor_eval", "2")},
             {"capacity_rounding", "round"},
             {"capacity_per_choice", "false"},
             {"capacity_min", c.text("capacity_min", "4")},
             {"fill", c.text("fill", "choice") == "priority" ? "priority" : "choice"},
             {"jitter", c.text("jitter", "0")},
             {"balance_group", "sequence"},
             {"balance_weight", balance_of_k(c, "0.01", k)},
             {"z_weight", c.text("z_weight", "0")}};
       },
       {},
       {"groups of tokens that are not sequences (max_group_size)",
        "its loss is k at balance, and here 1: its coefficient is balance_weight / k",
        "no golden files of this class: its parts are compared as switch_hf (k = 1) and "
        "vmoe_topk_bpr "
        "(priority)"}},
      {"flaxformer",
       "experts_choose",
       "flaxformer's ExpertsChooseMaskedRouter (399ea3a8)",
       "expert_choice",
       [](const Carried& c) { return c.router == "expert_choice"; },
       [](const Carried& c) {
         return DialectLines{{"capacity_factor", c.above_zero("capacity_factor", "2")},
                             {"capacity_rounding", "round"},
                             {"group", "sequence"},
                             {"softmax", "experts"}};
       },
       {{"expert_choice_paper", "capacity_rounding = round (transcribed)"}},
       {"its least capacity of 4 rows"}},
  };
}

}  // namespace moesim
