#include "experiments/sweep/idle_options.hpp"

#include "sim/config/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

struct Condition {
  const char* key;  // in the section of the option
  const char* value;
  bool equal;
};

// Options that have an effect if one of the conditions holds. section: its name, or how it begins.
struct Rule {
  const char* section;
  std::vector<const char*> keys;
  std::vector<Condition> any;
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = {
      {"train", {"decay_share", "decay_form"}, {{"schedule", "wsd", true}}},
      {"train", {"rate_min"}, {{"schedule", "constant", false}}},
      {"router.", {"noise_std"}, {{"noise", "gaussian", true}}},
      {"router.", {"noise_epsilon"}, {{"noise", "learned", true}, {"noisy", "true", true}}},
      {"router.", {"noise_scale"}, {{"noise", "none", false}}},
      {"router.",
       {"second_threshold"},
       {{"second", "threshold", true},
        {"second", "random", true},
        {"second_eval", "threshold", true},
        {"second_eval", "random", true}}},
      {"router.",
       {"balance_counted", "balance_over", "balance_group"},
       {{"balance_weight", "0", false}}},
      {"router.", {"load_threshold"}, {{"load_weight", "0", false}}},
      {"router.",
       {"cv_variance"},
       {{"importance_weight", "0", false}, {"load_weight", "0", false}}},
      {"router.", {"orthogonal"}, {{"orthogonal_weight", "0", false}}},
      {"router.",
       {"fill", "dropped", "capacity_rounding", "capacity_per_choice", "capacity_min",
        "capacity_multiple", "capacity_share"},
       {{"capacity_factor", "0", false},
        {"capacity_factor_eval", "0", false},
        {"capacity", "0", false}}},
      {"router.", {"capacity_factor", "capacity_factor_eval"}, {{"capacity", "0", true}}},
      {"router.bias_balanced", {"bias_bins"}, {{"bias_update", "histogram", true}}},
      {"router.bias_balanced",
       {"bias_average"},
       {{"bias_update", "quantile", true}, {"bias_update", "histogram", true}}},
      {"router.bias_balanced",
       {"bias_speed"},
       {{"bias_update", "sign", true}, {"bias_update", "proportional", true}}},
      {"router.bias_balanced", {"top_groups", "group_best"}, {{"groups", "1", false}}},
      {"router.mixture_of_tokens", {"temperatures"}, {{"learned_temperature", "true", true}}},
      {"router.soft", {"capacity_factor"}, {{"slots", "0", true}}},
      {"router.sinkhorn", {"tolerance"}, {{"iterations", "0", true}}},
      {"router.sinkhorn", {"capacity_factor", "mean", "threshold"}, {{"choose", "experts", true}}},
  };
  return all;
}

const PlannedOption* option_named(const std::vector<PlannedOption>& options,
                                  const std::string& key) {
  const auto found = std::find_if(options.begin(), options.end(),
                                  [&](const PlannedOption& each) { return each.key == key; });
  return found == options.end() ? nullptr : &*found;
}

bool applies(const Rule& rule, const std::string& section, const std::string& key) {
  const std::string own = rule.section;
  return (own.ends_with('.') ? section.starts_with(own) : section == own) &&
         std::find(rule.keys.begin(), rule.keys.end(), key) != rule.keys.end();
}

// "train.schedule = cosine", the option that leaves this one without effect; "" if it has one.
std::string reason(const PlannedOption& option, const std::vector<PlannedOption>& options) {
  const std::string section = config::section_of(option.key), key = config::short_key(option.key);
  for (const Rule& rule : rules()) {
    if (!applies(rule, section, key)) continue;
    std::string because;
    bool used = false;
    for (const Condition& each : rule.any) {
      const PlannedOption* other = option_named(options, fmt::format("{}.{}", section, each.key));
      if (other == nullptr) continue;
      used = used || (other->value == each.value) == each.equal;
      if (because.empty()) because = fmt::format("{} = {}", other->key, other->value);
    }
    if (!used && !because.empty()) return because;
  }
  return {};
}

}  // namespace

void IdleOptions::add(const Settings& settings, const std::vector<PlannedOption>& options) {
  for (const PlannedOption& option : options) {
    const auto set = settings.values().find(option.key);
    if (set == settings.values().end() || option.value == option.default_value) continue;
    const std::string because = reason(option, options);
    if (because.empty())
      used_.insert(option.key);
    else
      idle_.try_emplace(option.key,
                        fmt::format("{}: {} = {} has no effect with {}", set->second.origin,
                                    option.key, option.value, because));
  }
}

std::vector<std::string> IdleOptions::notes() const {
  std::vector<std::string> sentences;
  for (const auto& [key, sentence] : idle_)
    if (!used_.contains(key)) sentences.push_back(sentence);
  return sentences;
}

}  // namespace moesim
