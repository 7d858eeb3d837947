#include "analysis/report/configs.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim {
namespace {

// Returns the value that more than half of the arms with this setting have; "" if there is none.
std::string usual_value(const std::vector<Arm>& arms, const std::string& key) {
  std::map<std::string, std::size_t> times;
  std::size_t having = 0;
  for (const Arm& arm : arms)
    if (const auto setting = arm.settings.find(key); setting != arm.settings.end())
      ++times[setting->second], ++having;
  for (const auto& [value, count] : times)
    if (2 * count > having && count > 1) return value;
  return "";
}

}  // namespace

ConfigComparison compare_configs(const std::vector<Arm>& arms) {
  ConfigComparison configs;
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, std::vector<std::string>> having;
  for (const Arm& arm : arms) {
    if (arm.settings.empty()) configs.without.push_back(arm.name);
    for (const auto& [key, value] : arm.settings) {
      values[key].insert(value);
      having[key].push_back(arm.name);
    }
  }
  for (const auto& [key, all] : values) {
    if (all.size() > 1) {
      configs.keys.push_back(key);
      continue;
    }
    const bool everywhere = having[key].size() == arms.size() - configs.without.size();
    configs.common[key] = {*all.begin(), everywhere ? std::vector<std::string>() : having[key]};
  }
  return configs;
}

Table common_settings(const ConfigComparison& configs) {
  constexpr std::size_t kMostNames = 3;
  Table table;
  table.name = "common";
  table.columns = {{"key", "key"}, {"value", "value"}, {"arms", "arms"}};
  for (const auto& [key, common] : configs.common) {
    const std::size_t count = common.arms.size();
    table.rows.push_back({key, common.value,
                          count == 0            ? "all"
                          : count <= kMostNames ? joined(common.arms)
                                                : fmt::format("{} arms", count)});
  }
  return table;
}

Table differing_settings(const ConfigComparison& configs, const std::vector<Arm>& arms) {
  Table table;
  table.name = "configs";
  table.columns.push_back({"arm", "arm"});
  for (const std::string& key : configs.keys) table.columns.push_back({key, key});
  for (const Arm& arm : arms) table.rows.push_back({arm.name});
  for (std::size_t k = 0; k < configs.keys.size(); ++k) {
    const std::string usual = usual_value(arms, configs.keys[k]);
    for (std::size_t row = 0; row < arms.size(); ++row) {
      const auto setting = arms[row].settings.find(configs.keys[k]);
      const bool has = setting != arms[row].settings.end();
      table.rows[row].push_back(has ? Cell(setting->second) : Cell());
      if (has && !usual.empty() && setting->second != usual) table.bold.insert({row, k + 1});
    }
  }
  return table;
}

}  // namespace moesim
