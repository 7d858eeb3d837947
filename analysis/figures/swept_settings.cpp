#include "analysis/figures/swept_settings.hpp"

#include "analysis/figures/build.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace moesim {
namespace {

constexpr const char* kData = "data.sha256";

std::vector<const Arm*> pointers_to(const std::vector<Arm>& arms) {
  std::vector<const Arm*> pointers;
  for (const Arm& arm : arms) pointers.push_back(&arm);
  return pointers;
}

}  // namespace

bool setting_follows(const std::string& other, const std::string& key) {
  return (other == kData && (key.starts_with("data.") || key.starts_with("task."))) ||
         (key == "router.name" && other != key && other.starts_with("router.")) ||
         (key == "expert.name" && other != key && other.starts_with("expert."));
}

bool setting_differs(const std::vector<const Arm*>& arms, const std::string& key) {
  std::set<std::string> values;
  for (const Arm* arm : arms)
    if (const auto found = arm->settings.find(key); found != arm->settings.end())
      values.insert(found->second);
  return values.size() > 1;
}

bool change_together(const std::vector<const Arm*>& arms, const std::string& a,
                     const std::string& b) {
  std::map<std::string, std::string> there, back;
  for (const Arm* arm : arms) {
    const auto x = arm->settings.find(a), y = arm->settings.find(b);
    if ((x == arm->settings.end()) != (y == arm->settings.end())) return false;
    if (x == arm->settings.end()) continue;
    if (there.emplace(x->second, y->second).first->second != y->second) return false;
    if (back.emplace(y->second, x->second).first->second != x->second) return false;
  }
  return true;
}

bool is_dense_arm(const Arm& arm) {
  const auto router = arm.settings.find("router.name");
  return router != arm.settings.end() && router->second == "dense";
}

// Returns the settings that vary, without those that depend on others and without all but the first
// of those that change together. Dense arms serve as reference, so their router counts only if
// nothing else varies.
std::vector<std::string> swept_keys(const std::vector<Arm>& arms) {
  std::vector<const Arm*> all = pointers_to(arms), routed;
  for (const Arm* arm : all)
    if (!is_dense_arm(*arm)) routed.push_back(arm);
  for (const std::vector<const Arm*>& some : {routed, all}) {
    std::vector<std::string> keys, differing = differing_keys(some);
    for (const std::string& key : differing) {
      const bool own = key.starts_with("router.") || key.starts_with("expert.");
      const bool follower =
          std::any_of(differing.begin(), differing.end(), [&](const std::string& other) {
            return setting_follows(key, other) && !(own && setting_differs(some, key));
          });
      const bool later = std::any_of(keys.begin(), keys.end(), [&](const std::string& other) {
        return change_together(some, other, key);
      });
      if (!follower && !later) keys.push_back(key);
    }
    if (!keys.empty()) return keys;
  }
  return {};
}

std::string only_swept_key(const std::vector<Arm>& arms) {
  const std::vector<std::string> keys = swept_keys(arms);
  if (keys.empty())
    fail(Exit::usage, "--figure curves-by-key: the runs that are shown differ in no setting");
  if (keys.size() == 1) return keys[0];
  fail(Exit::usage,
       "--figure curves-by-key: several settings vary, choose one with --key: " + joined(keys));
}

std::string brief_setting(const std::string& key) {
  const std::string name = config::short_key(key);
  return name == "name" ? config::short_key(config::section_of(key)) : name;
}

std::string setting_called(const std::vector<Arm>& arms, const std::string& wanted) {
  std::set<std::string> all, called;
  for (const Arm& arm : arms)
    for (const auto& [key, value] : arm.settings) all.insert(key);
  if (all.contains(wanted)) return wanted;
  const std::vector<const Arm*> pointers = pointers_to(arms);
  for (const bool must_differ : {true, false}) {
    called.clear();
    for (const std::string& key : all)
      if (brief_setting(key) == wanted && (!must_differ || setting_differs(pointers, key)))
        called.insert(key);
    if (called.size() == 1) return *called.begin();
    if (called.size() > 1)
      fail(Exit::usage,
           "--key " + config::printable(wanted) +
               ": several settings are called so: " + joined({called.begin(), called.end()}));
  }
  std::vector<std::string> names = swept_keys(arms);
  const std::vector<std::string> keys = names;
  for (const std::string& key : keys) names.push_back(brief_setting(key));
  const std::string near = nearest(wanted, names);
  fail(Exit::usage,
       "--key " + config::printable(wanted) + ": no run has this setting; " +
           (near.empty() ? "these vary: " + joined(keys) : "did you mean " + near + "?"));
}

}  // namespace moesim
