#include "analysis/runs/arms.hpp"

#include "analysis/render/escape.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace moesim {
namespace {

using Values = std::map<std::string, std::string>;

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

// "token_choice" of several arms becomes "token_choice (train.rate = 1e-07)".
void tell_apart(const std::vector<Arm*>& arms) {
  constexpr std::size_t kMostKeys = 4, kMostCharacters = 30;
  std::vector<std::string> keys = differing_keys({arms.begin(), arms.end()});
  // What only some of them have follows from what they have in common, or is of another version.
  std::stable_partition(keys.begin(), keys.end(), [&](const std::string& key) {
    return std::all_of(arms.begin(), arms.end(),
                       [&](const Arm* arm) { return arm->settings.contains(key); });
  });
  if (keys.size() > kMostKeys) keys.resize(kMostKeys);
  for (Arm* arm : arms) {
    std::vector<std::string> terms;
    for (const std::string& key : keys) {
      const auto value = arm->settings.find(key);
      terms.push_back(key + (value == arm->settings.end()
                                 ? " not set"
                                 : " = " + config::printable(value->second, kMostCharacters)));
    }
    arm->name += " (" + joined(terms) + ")";
  }
  std::map<std::string, int> times;
  for (Arm* arm : arms)
    if (const int time = ++times[arm->name]; time > 1)
      arm->name += " (" + std::to_string(time) + ")";
}

// A copy of a run, or the same run of another experiment, is no further seed.
bool is_repeat(const Outcome& run, const Arm& arm) {
  return run.seed && !run.settings.empty() &&
         std::any_of(arm.complete.begin(), arm.complete.end(),
                     [&](const Outcome* other) { return other->seed == run.seed; });
}

}  // namespace

BySeed Arm::losses() const {
  BySeed losses;
  for (const Outcome* run : complete)
    if (run->seed && !std::isnan(run->loss)) losses.emplace(*run->seed, run->loss);
  return losses;
}

std::vector<Arm> arms_of(const std::vector<Outcome>& outcomes) {
  std::vector<Arm> arms;
  std::map<std::pair<Values, std::string>, std::size_t> places;
  for (const Outcome& run : outcomes) {
    const bool has_config = !run.settings.empty();
    const auto [place, is_new] =
        places.emplace(std::pair(run.settings, has_config ? "" : run.arm), arms.size());
    if (is_new) arms.push_back({.name = run.arm, .settings = run.settings});
    Arm& arm = arms[place->second];
    arm.runs.push_back(&run);
    if (run.status == "complete")
      (is_repeat(run, arm) ? arm.repeats : arm.complete).push_back(&run);
    arm.leaks |= run.leak > 0;
  }
  std::map<std::string, std::vector<Arm*>> same_name;
  for (Arm& arm : arms) same_name[arm.name].push_back(&arm);
  for (const auto& [name, several] : same_name)
    if (several.size() > 1) tell_apart(several);
  return arms;
}

std::vector<Arm> arms_named(const std::vector<Arm>& arms, const std::vector<std::string>& names) {
  if (names.empty()) return arms;
  std::vector<std::string> known;
  for (const Arm& arm : arms) known.push_back(terminal_safe(arm.name));
  for (const std::string& name : names) {
    if (std::any_of(arms.begin(), arms.end(), [&](const Arm& arm) { return arm.name == name; }))
      continue;
    const std::string near = nearest(name, known);
    fail(Exit::usage, "no arm is named '" + terminal_safe(name) +
                          "': " + (near.empty() ? "" : "did you mean " + near + "? ") +
                          "there are " + joined(known));
  }
  std::vector<Arm> named;
  for (const Arm& arm : arms)
    if (std::find(names.begin(), names.end(), arm.name) != names.end()) named.push_back(arm);
  return named;
}

}  // namespace moesim
