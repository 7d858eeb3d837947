#include "analysis/runs/arms.hpp"

#include "analysis/render/escape.hpp"
#include "sim/config/arms.hpp"
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

using ArmSettings = std::map<std::string, std::string>;

constexpr std::size_t kMostKeys = 4;

std::string setting_in(const Arm& arm, const std::string& key) {
  constexpr std::size_t kMostCharacters = 30;
  const auto value = arm.settings.find(key);
  return value == arm.settings.end()
             ? key + " not set"
             : key + " = " + config::printable(value->second, kMostCharacters);
}

// Counts the arms that these keys distinguish.
std::size_t told_apart(const std::vector<Arm*>& arms, const std::vector<std::string>& keys) {
  std::set<std::string> seen;
  for (const Arm* arm : arms) {
    std::string values;
    for (const std::string& key : keys) values += setting_in(*arm, key) + '\n';
    seen.insert(std::move(values));
  }
  return seen.size();
}

// Returns a few keys that distinguish all arms, or as many of them as possible.
std::vector<std::string> telling_keys(const std::vector<Arm*>& arms,
                                      std::vector<std::string> candidates) {
  std::vector<std::string> keys;
  while (keys.size() < kMostKeys && !candidates.empty()) {
    auto best = candidates.end();
    std::size_t most = told_apart(arms, keys);
    for (auto key = candidates.begin(); key != candidates.end(); ++key) {
      keys.push_back(*key);
      if (const std::size_t apart = told_apart(arms, keys); apart > most) most = apart, best = key;
      keys.pop_back();
    }
    if (best == candidates.end()) break;
    keys.push_back(*best);
    candidates.erase(best);
  }
  return keys;
}

// Appends distinguishing settings to a label that several arms share: "token_choice (train.rate =
// 1e-07)".
void tell_apart(const std::vector<Arm*>& arms) {
  std::vector<std::string> keys = differing_keys({arms.begin(), arms.end()});
  // Settings that only some arms have come last: they depend on another setting, or on the version.
  std::stable_partition(keys.begin(), keys.end(), [&](const std::string& key) {
    return std::all_of(arms.begin(), arms.end(),
                       [&](const Arm* arm) { return arm->settings.contains(key); });
  });
  const std::size_t all = keys.size();
  if (all > kMostKeys) keys = telling_keys(arms, std::move(keys));
  for (Arm* arm : arms) {
    std::vector<std::string> terms;
    for (const std::string& key : keys) terms.push_back(setting_in(*arm, key));
    if (all > keys.size()) terms.push_back(std::to_string(all - keys.size()) + " more");
    if (!terms.empty()) arm->name += " (" + joined(terms) + ")";
  }
}

// Makes arm names unique.
void make_unique(std::vector<Arm>& arms) {
  std::set<std::string> taken;
  for (Arm& arm : arms) {
    const std::string name = arm.name;
    for (int time = 2; !taken.insert(arm.name).second; ++time)
      arm.name = name + " (" + std::to_string(time) + ")";
  }
}

bool has_config(const Outcome& run) { return run.has_config && !run.settings.empty(); }

// Returns true for a copy of a run, or the same run in another experiment: it is not another seed.
bool is_repeat(const Outcome& run, const Arm& arm) {
  return run.seed && has_config(run) &&
         std::any_of(arm.complete.begin(), arm.complete.end(),
                     [&](const Outcome* other) { return other->seed == run.seed; });
}

}  // namespace

std::size_t Arm::diverged() const {
  std::set<std::int64_t> seeds;
  std::size_t without = 0;
  for (const Outcome* run : runs)
    if (run->status == "diverged") {
      if (run->seed)
        seeds.insert(*run->seed);
      else
        ++without;
    }
  return seeds.size() + without;
}

BySeed Arm::losses() const {
  return by_seed(*this, [](const Outcome& run) { return run.loss; });
}

Sample Arm::loss() const {
  return sample_of(values_of(complete, [](const Outcome& run) { return run.loss; }));
}

std::vector<double> values_of(const std::vector<const Outcome*>& runs, const ValueOf& value) {
  std::vector<double> values;
  for (const Outcome* run : runs)
    if (const double number = value(*run); !std::isnan(number)) values.push_back(number);
  return values;
}

BySeed by_seed(const Arm& arm, const ValueOf& value) {
  BySeed values;
  for (const Outcome* run : arm.complete)
    if (const double number = value(*run); run->seed && !std::isnan(number))
      values.emplace(*run->seed, number);
  return values;
}

Difference difference_of(const Arm& arm, const Arm& baseline, const ValueOf& value) {
  const std::vector<double> pairs =
      paired_differences(by_seed(arm, value), by_seed(baseline, value));
  if (pairs.size() > 1) return paired_difference(pairs);
  const Sample a = sample_of(values_of(arm.complete, value));
  const Sample b = sample_of(values_of(baseline.complete, value));
  if (pairs.size() == 1 && (a.count < 2 || b.count < 2)) return paired_difference(pairs);
  return welch_difference(a, b);
}

Difference difference_in_loss(const Arm& arm, const Arm& baseline) {
  return difference_of(arm, baseline, [](const Outcome& run) { return run.loss; });
}

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

std::vector<Arm> arms_of(const std::vector<Outcome>& outcomes) {
  std::vector<Arm> arms;
  std::map<std::pair<ArmSettings, std::string>, std::size_t> places;
  for (const Outcome& run : outcomes) {
    const auto [place, is_new] =
        places.emplace(std::pair(run.settings, has_config(run) ? "" : run.arm), arms.size());
    if (is_new) arms.push_back({.name = run.arm, .settings = run.settings});
    Arm& arm = arms[place->second];
    arm.runs.push_back(&run);
    if (run.counts()) (is_repeat(run, arm) ? arm.repeats : arm.complete).push_back(&run);
    arm.leaks |= run.looks_ahead;
    arm.leaks_from |= run.looks_ahead_from;
  }
  std::map<std::string, std::vector<Arm*>> same_name;
  for (Arm& arm : arms) same_name[arm.name].push_back(&arm);
  for (const auto& [name, several] : same_name)
    if (several.size() > 1) tell_apart(several);
  make_unique(arms);
  return arms;
}

namespace {

[[noreturn]] void no_arm(const std::string& name, const std::vector<Arm>& arms) {
  std::vector<std::string> known;
  for (const Arm& arm : arms) known.push_back(terminal_safe(arm.name));
  fail(Exit::usage, no_arm_message(terminal_safe(name), known));
}

const Arm* find_arm(const std::vector<Arm>& arms, const std::string& name) {
  const auto found =
      std::find_if(arms.begin(), arms.end(), [&](const Arm& arm) { return arm.name == name; });
  return found == arms.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Arm> arms_named(const std::vector<Arm>& arms, const std::vector<std::string>& names) {
  if (names.empty()) return arms;
  std::vector<std::string> labels;
  for (const Arm& arm : arms) labels.push_back(arm.name);
  std::set<std::size_t> wanted;
  for (std::size_t first = 0; first < names.size();) {
    // Finds the longest name that starts at this part; a pattern is always one part.
    std::size_t end = names.size();
    std::vector<std::size_t> places;
    for (; end > first; --end) {
      const std::string name(
          config::trimmed(joined({names.begin() + static_cast<std::ptrdiff_t>(first),
                                  names.begin() + static_cast<std::ptrdiff_t>(end)},
                                 ",")));
      if (end - first == 1 || find_arm(arms, name) != nullptr) places = arms_matching(name, labels);
      if (!places.empty()) break;
    }
    if (end == first) no_arm(std::string(config::trimmed(names[first])), arms);
    wanted.insert(places.begin(), places.end());
    first = end;
  }
  std::vector<Arm> named;
  for (const std::size_t place : wanted) named.push_back(arms[place]);
  return named;
}

const Arm* baseline_of(const std::vector<Arm>& arms, const std::string& name) {
  if (name.empty()) {
    if (const Arm* dense = find_arm(arms, "dense")) return dense;
    const auto first = std::find_if(arms.begin(), arms.end(), [](const Arm& arm) {
      return arm.runs.front()->router == "dense";
    });
    return first == arms.end() ? nullptr : &*first;
  }
  const Arm* named = find_arm(arms, name);
  if (named == nullptr) no_arm(name, arms);
  return named;
}

}  // namespace moesim
