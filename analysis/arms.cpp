#include "analysis/arms.hpp"

#include "sim/config/text.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>

namespace moesim {
namespace {

using Values = std::map<std::string, std::string>;

struct Arm {
  std::string label;
  Values settings;
  std::vector<Outcome*> runs;
};

// Settings in which these arms do not agree.
std::vector<std::string> differing_keys(const std::vector<const Arm*>& arms) {
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, std::size_t> count;
  for (const Arm* arm : arms)
    for (const auto& [key, value] : arm->settings) {
      values[key].insert(value);
      ++count[key];
    }
  std::vector<std::string> keys;
  for (const auto& [key, seen] : values)
    if (seen.size() > 1 || count[key] < arms.size()) keys.push_back(key);
  return keys;
}

void tell_apart(const std::vector<Arm*>& arms) {
  constexpr std::size_t kMostKeys = 4;
  std::vector<std::string> keys = differing_keys({arms.begin(), arms.end()});
  // What only some of them have follows from what they have in common, or is of another version.
  std::stable_partition(keys.begin(), keys.end(), [&](const std::string& key) {
    return std::all_of(arms.begin(), arms.end(),
                       [&](const Arm* arm) { return arm->settings.contains(key); });
  });
  if (keys.size() > kMostKeys) keys.resize(kMostKeys);
  for (std::size_t i = 0; i < arms.size(); ++i) {
    std::string name = arms[i]->label;
    for (const std::string& key : keys) {
      const auto value = arms[i]->settings.find(key);
      name += " " + config::short_key(key) + "=" +
              (value == arms[i]->settings.end() ? "-" : config::printable(value->second, 30));
    }
    arms[i]->label = name;
  }
  std::map<std::string, int> times;
  for (Arm* arm : arms)
    if (const int time = ++times[arm->label]; time > 1)
      arm->label += " (" + std::to_string(time) + ")";
}

}  // namespace

void name_arms(std::vector<Outcome>& outcomes) {
  std::vector<Arm> arms;
  std::map<Values, std::size_t> by_settings;
  std::map<std::string, std::size_t> by_label;  // of runs without a config
  for (Outcome& outcome : outcomes) {
    const bool known = !outcome.settings.empty();
    const auto [found, is_new] = known ? [&] {
      const auto [at, fresh] = by_settings.emplace(outcome.settings, arms.size());
      return std::pair(at->second, fresh);
    }() : [&] {
      const auto [at, fresh] = by_label.emplace(outcome.arm, arms.size());
      return std::pair(at->second, fresh);
    }();
    if (is_new) arms.push_back({outcome.arm, outcome.settings, {}});
    arms[found].runs.push_back(&outcome);
  }
  std::map<std::string, std::vector<Arm*>> same_label;
  for (Arm& arm : arms)
    if (!arm.settings.empty()) same_label[arm.label].push_back(&arm);
  for (const auto& [label, several] : same_label)
    if (several.size() > 1) tell_apart(several);
  for (const Arm& arm : arms)
    for (Outcome* run : arm.runs) run->arm = arm.label;
}

}  // namespace moesim
