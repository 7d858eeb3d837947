#include "experiments/sweep/plan.hpp"

#include "experiments/sweep/version.hpp"
#include "sim/config/text.hpp"
#include "sim/core/checked.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <optional>
#include <set>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

// The ranges of run.seed and run.steps.
constexpr std::uint64_t kMostSeed = std::uint64_t{1} << 62;
constexpr index kMostSteps = index{1} << 40;

Json json_of(const PlannedRun& run, bool with_resolved) {
  Json settings = Json::object(), varied = Json::array();
  for (const auto& [key, setting] : run.spec.settings.values())
    settings[key] = {setting.value, setting.origin};
  for (const auto& [key, value] : run.spec.varied) varied.push_back({key, value});
  Json json = {{"folder", run.folder},
               {"arm", run.spec.label},
               {"variant", run.spec.variant},
               {"varied", varied},
               {"seed", run.seed},
               {"config_sha256", run.config_sha256},
               {"data_sha256", run.data_sha256},
               {"steps", run.steps},
               {"parameters_total", run.parameters_total},
               {"parameters_active", run.parameters_active},
               {"flops_per_token", run.flops_per_token},
               {"expert_hidden", run.hidden},
               {"least_bytes", run.least_bytes},
               {"settings", settings}};
  if (!run.extends.empty()) json["extends"] = run.extends;
  if (!with_resolved) return json;
  json["resolved"] = run.resolved;
  json["explained"] = Json::array(), json["options"] = Json::array();
  for (const Explained& each : run.explained)
    json["explained"].push_back({each.section, name_of<Topic>(kTopics, each.topic), each.text});
  for (const PlannedOption& each : run.options)
    json["options"].push_back({each.key, each.value, each.default_value, each.help});
  return json;
}

// --- Parsing an untrusted plan, with the same checks as for options. ---

// Checks a text that terminals and logs will show.
std::string shown_text(const Json& json, const std::string& name) {
  std::string text = json.at(name);
  if (config::find_foreign_byte(text) != text.npos)
    fail(Exit::data, name + " '" + config::printable(text) + "' has a control character");
  return text;
}

// Reads a whole number in range: JSON also allows -1, 0.5 and 1e30.
template <class Integer>
Integer whole_number(const Json& json, const std::string& name, Integer low, Integer high) {
  const Json& value = json.at(name);
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                        : value.is_number_integer() && value.get<std::int64_t>() >= 0;
  if (!fits || value.get<Integer>() < low)
    fail(Exit::data, fmt::format("{} = {}: expected a whole number from {} to {}", name,
                                 config::printable(value.dump()), low, high));
  return value.get<Integer>();
}

double amount(const Json& json, const std::string& name) {
  const Json& value = json.at(name);
  if (!value.is_number() || !(value.get<double>() >= 0) || !std::isfinite(value.get<double>()))
    fail(Exit::data, fmt::format("{} = {}: expected a number, 0 or more", name,
                                 config::printable(value.dump())));
  return value.get<double>();
}

std::string hash_text(const Json& json, const std::string& name) {
  std::string text = json.at(name);
  if (!is_sha256(text))
    fail(Exit::data, name + " = " + config::printable(text) + ": expected 64 hex digits");
  return text;
}

// Checks a name that becomes a folder.
std::string folder_name(const Json& json, const char* field = "folder") {
  std::string name = json.at(field);
  if (!config::is_key(name) || name[0] == '.')
    fail(Exit::data, "'" + config::printable(name) + "' is not the name of a run's folder");
  return name;
}

void read_settings(const Json& json, Settings& settings) {
  for (const auto& [key, setting] : json.items()) {
    const std::string value = setting.at(0), origin = setting.at(1);
    const std::string problem = config::value_problem(value);
    if (!config::is_full_key(key) || config::find_foreign_byte(origin) != origin.npos)
      fail(Exit::data, "'" + config::printable(key) + "' is no setting");
    if (!problem.empty()) fail(Exit::data, key + " " + problem);
    settings.set(key, value, origin);
  }
}

// Rejects a field that contradicts the settings: it is unknown which of the two is meant.
void require_setting(const PlannedRun& run, const char* field, const std::string& value,
                     const std::string& key, const std::string& otherwise) {
  const auto found = run.spec.settings.values().find(key);
  const std::string text =
      found == run.spec.settings.values().end() ? otherwise : found->second.value;
  index number = 0;
  if (text.empty() || text == value ||
      (config::parse(text, number) == std::errc{} && std::to_string(number) == value))
    return;
  fail(Exit::data, fmt::format("{} = {}, but {} = {} in its settings; run the config file again to "
                               "make a new plan",
                               field, value, key, config::printable(text)));
}

// Options missing from the settings have their defaults; the default of run.steps is unknown here.
void require_numbers(const PlannedRun& run) {
  require_setting(run, "seed", std::to_string(run.seed), "run.seed", "0");
  require_setting(run, "steps", std::to_string(run.steps), "run.steps", "");
}

void require_name(const PlannedRun& run, const std::string& experiment) {
  require_setting(run, "experiment", experiment, "run.name", "");
}

PlannedRun run_of(const Json& json) {
  PlannedRun run;
  run.folder = folder_name(json);
  run.spec.label = shown_text(json, "arm");
  run.spec.variant = shown_text(json, "variant");
  for (const Json& pair : json.at("varied"))
    run.spec.varied.emplace_back(config::printable(std::string(pair.at(0)), 200),
                                 config::printable(std::string(pair.at(1)), 200));
  read_settings(json.at("settings"), run.spec.settings);
  run.seed = whole_number<std::uint64_t>(json, "seed", 0, kMostSeed);
  run.config_sha256 = hash_text(json, "config_sha256");
  run.data_sha256 = hash_text(json, "data_sha256");
  run.steps = whole_number<index>(json, "steps", 1, kMostSteps);
  run.parameters_total = whole_number<index>(json, "parameters_total", 0, kMostValues);
  run.parameters_active = amount(json, "parameters_active");
  run.flops_per_token = amount(json, "flops_per_token");
  run.hidden = whole_number<index>(json, "expert_hidden", 1, kMostValues);
  run.least_bytes = amount(json, "least_bytes");
  if (json.contains("extends")) run.extends = folder_name(json, "extends");
  run.resolved = json.value("resolved", "");
  for (const Json& each : json.value("explained", Json::array()))
    run.explained.push_back({each.at(0), value_of<Topic>(kTopics, each.at(1)), each.at(2)});
  for (const Json& each : json.value("options", Json::array()))
    run.options.push_back({each.at(0), each.at(1), each.at(2), each.at(3)});
  require_numbers(run);
  return run;
}

EarlierRun earlier_of(const Json& json) {
  return {folder_name(json), shown_text(json, "arm"),
          whole_number<std::uint64_t>(json, "seed", 0, kMostSeed),
          whole_number<index>(json, "steps", 1, kMostSteps)};
}

}  // namespace

Plan parse_plan(const std::string& text) {
  const Json json = Json::parse(text);
  if (const Json& format = json.at("moesim_plan"); format != kPlanFormat)
    fail(Exit::data, fmt::format("a plan of format {}, which another version of moesim made; this "
                                 "one, {}, reads {}",
                                 config::printable(format.dump()), version(), kPlanFormat));
  Plan plan;
  plan.experiment = json.at("experiment");
  if (!config::is_name(plan.experiment))
    fail(Exit::data, "experiment = " + config::printable(plan.experiment) +
                         ": expected a name of 1 to 64 letters, digits, '_', '-' and '.'");
  std::set<std::string> folders;
  const Json& runs = json.at("runs");
  if (!runs.is_array() || runs.empty()) fail(Exit::data, "a plan of no runs");
  for (const Json& run : runs) {
    plan.runs.push_back(within([&] { return fmt::format("run {}", plan.runs.size() + 1); },
                               [&] { return run_of(run); }));
    if (!folders.insert(plan.runs.back().folder).second)
      fail(Exit::data, "two runs in one folder, " + plan.runs.back().folder);
    require_name(plan.runs.back(), plan.experiment);
  }
  for (const Json& run : json.value("earlier", Json::array())) {
    EarlierRun earlier =
        within([&] { return fmt::format("earlier run {}", plan.earlier.size() + 1); },
               [&] { return earlier_of(run); });
    if (folders.insert(earlier.folder).second) plan.earlier.push_back(std::move(earlier));
  }
  return plan;
}

std::string swept_keys(const std::vector<PlannedRun>& runs) {
  std::set<std::string> keys;
  const auto value_of = [](const PlannedRun& run, const std::string& key) {
    const auto& values = run.spec.settings.values();
    const auto found = values.find(key);
    return found == values.end() ? std::optional<std::string>() : found->second.value;
  };
  for (const PlannedRun& run : runs)
    for (const PlannedRun* one : {&run, &runs.front()})
      for (const auto& [key, setting] : one->spec.settings.values())
        if (!keys.contains(key) && value_of(run, key) != value_of(runs.front(), key))
          keys.insert(key);
  return joined({keys.begin(), keys.end()}, ",");
}

void keep_earlier(Plan& plan, const Plan& before) {
  std::set<std::string> known;
  for (const PlannedRun& run : plan.runs) known.insert(run.folder);
  std::vector<EarlierRun> all = before.earlier;
  for (const PlannedRun& run : before.runs)
    all.push_back({run.folder, run.spec.label, run.seed, run.steps});
  for (EarlierRun& run : plan.earlier) all.push_back(std::move(run));
  plan.earlier.clear();
  for (EarlierRun& run : all)
    if (known.insert(run.folder).second) plan.earlier.push_back(std::move(run));
}

std::string to_json(const Plan& plan, bool with_resolved) {
  Json json = {
      {"moesim_plan", kPlanFormat}, {"experiment", plan.experiment}, {"runs", Json::array()}};
  for (const PlannedRun& run : plan.runs) json["runs"].push_back(json_of(run, with_resolved));
  for (const EarlierRun& run : plan.earlier)
    json["earlier"].push_back(
        {{"folder", run.folder}, {"arm", run.arm}, {"seed", run.seed}, {"steps", run.steps}});
  return json.dump(1) + "\n";
}

Plan read_plan(const std::string& path) {
  const std::string text = read_file(path, kMostPlanBytes);
  try {
    return parse_plan(text);
  } catch (const Json::exception&) {
    fail(Exit::data, path + ": damaged, or not a plan; run the config again to make a new one");
  } catch (const Error& problem) {
    fail(Exit::data, path + ": " + problem.what());
  }
}

}  // namespace moesim
