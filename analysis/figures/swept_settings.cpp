#include "analysis/figures/swept_settings.hpp"

#include "analysis/figures/build.hpp"
#include "analysis/tables/grid.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
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
  return other == kData && (key.starts_with("data.") || key.starts_with("task."));
}

bool is_dense_arm(const Arm& arm) {
  const auto router = arm.settings.find("router.name");
  return router != arm.settings.end() && router->second == "dense";
}

// Returns the settings that tell the arms apart. The hash of data whose settings vary is left out; of
// settings that change together the first stays. Dense arms serve as reference, so their router
// counts only if nothing else varies.
std::vector<std::string> swept_keys(const std::vector<Arm>& arms) {
  std::vector<const Arm*> all = pointers_to(arms), routed;
  for (const Arm* arm : all)
    if (!is_dense_arm(*arm)) routed.push_back(arm);
  for (const std::vector<const Arm*>& some : {routed, all}) {
    const std::vector<std::string> telling = telling_settings(some);
    std::vector<std::string> keys;
    for (const std::string& key : telling)
      if (std::none_of(telling.begin(), telling.end(),
                       [&](const std::string& other) { return setting_follows(key, other); }) &&
          std::none_of(keys.begin(), keys.end(),
                       [&](const std::string& other) { return change_together(some, other, key); }))
        keys.push_back(key);
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
  const std::vector<std::string> telling = telling_settings(pointers_to(arms));
  const auto tells = [&](const std::string& key) {
    return std::find(telling.begin(), telling.end(), key) != telling.end();
  };
  for (const bool must_differ : {true, false}) {
    called.clear();
    for (const std::string& key : all)
      if (brief_setting(key) == wanted && (!must_differ || tells(key))) called.insert(key);
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
