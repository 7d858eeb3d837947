#include "analysis/report/configs.hpp"

#include "sim/core/error.hpp"

#include <algorithm>
#include <optional>
#include <set>

namespace moesim {
namespace {

std::optional<std::string> value_of(const Arm& arm, const std::string& key) {
  const auto found = arm.settings.find(key);
  if (found == arm.settings.end()) return std::nullopt;
  return found->second;
}

// What the values of a key are measured against: the baseline's, or else the most frequent one.
std::optional<std::string> usual_value(const std::vector<Arm>& arms, const std::string& key,
                                       const std::string& baseline) {
  std::map<std::string, int> times;
  std::vector<std::string> values;
  for (const Arm& arm : arms)
    if (const auto value = value_of(arm, key)) {
      if (arm.name == baseline) return value;
      ++times[*value];
      values.push_back(*value);
    }
  const auto usual = std::max_element(
      values.begin(), values.end(),
      [&](const std::string& a, const std::string& b) { return times[a] < times[b]; });
  return usual == values.end() ? std::nullopt : std::optional(*usual);
}

}  // namespace

ConfigComparison compare_configs(const std::vector<Arm>& arms) {
  ConfigComparison configs;
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, std::size_t> times;
  std::size_t known = 0;
  for (const Arm& arm : arms) {
    if (arm.settings.empty())
      configs.without.push_back(arm.name);
    else
      ++known;
    for (const auto& [key, value] : arm.settings) {
      values[key].insert(value);
      ++times[key];
    }
  }
  for (const auto& [key, all] : values) {
    if (all.size() > 1)
      configs.keys.push_back(key);
    else if (times[key] == known)
      configs.common[key] = *all.begin();
  }
  return configs;
}

Table common_settings(const ConfigComparison& configs) {
  Table table;
  table.name = "common";
  table.columns = {{"key", "key"}, {"value", "value"}};
  for (const auto& [key, value] : configs.common) table.rows.push_back({key, value});
  return table;
}

Table differing_settings(const ConfigComparison& configs, const std::vector<Arm>& arms,
                         const std::string& baseline) {
  Table table;
  table.name = "configs";
  table.columns.push_back({"arm", "arm"});
  for (const std::string& key : configs.keys) table.columns.push_back({key, key});
  table.columns.push_back({"own", "settings of its own"});
  for (const Arm& arm : arms) {
    std::vector<Cell> row{arm.name};
    for (const std::string& key : configs.keys) {
      const auto value = value_of(arm, key);
      row.push_back(value ? Cell(*value) : Cell());
    }
    std::vector<std::string> own;
    for (const auto& [key, value] : arm.settings)
      if (!configs.common.contains(key) &&
          !std::binary_search(configs.keys.begin(), configs.keys.end(), key))
        own.push_back(key + " = " + value);
    row.push_back(own.empty() ? Cell() : Cell(joined(own)));
    table.rows.push_back(std::move(row));
  }
  for (std::size_t k = 0; k < configs.keys.size(); ++k) {
    const auto usual = usual_value(arms, configs.keys[k], baseline);
    for (std::size_t row = 0; row < arms.size(); ++row) {
      const auto value = value_of(arms[row], configs.keys[k]);
      if (value && value != usual) table.bold.insert({row, k + 1});
    }
  }
  return table;
}

}  // namespace moesim
