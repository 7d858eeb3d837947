#include "experiments/plan.hpp"

#include "experiments/child.hpp"
#include "experiments/experiment.hpp"
#include "experiments/resources.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/file.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <set>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::uint64_t kMostBytes = std::uint64_t{512} << 20;

Json json_of(const PlannedRun& run) {
  Json settings = Json::object(), varied = Json::array();
  for (const auto& [key, setting] : run.spec.settings.values())
    settings[key] = {setting.value, setting.origin};
  for (const auto& [key, value] : run.spec.varied) varied.push_back({key, value});
  return {{"folder", run.folder},
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
}

// Text that terminals and logs will show.
std::string shown_text(const Json& json) {
  std::string text = json;
  if (config::find_foreign_byte(text) != text.npos)
    fail(Exit::data, "'" + config::printable(text) + "' has a control character");
  return text;
}

// It becomes the name of a folder.
std::string folder_name(const Json& json) {
  const std::string name = json;
  if (!config::is_key(name) || name[0] == '.')
    fail(Exit::data, "'" + config::printable(name) + "' is not the name of a run's folder");
  return name;
}

PlannedRun run_of(const Json& json) {
  PlannedRun run;
  run.folder = folder_name(json.at("folder"));
  run.spec.label = shown_text(json.at("arm"));
  run.spec.variant = shown_text(json.at("variant"));
  for (const Json& pair : json.at("varied"))
    run.spec.varied.emplace_back(shown_text(pair.at(0)), shown_text(pair.at(1)));
  for (const auto& [key, setting] : json.at("settings").items())
    run.spec.settings.set(key, setting.at(0), shown_text(setting.at(1)));
  run.seed = json.at("seed");
  run.config_sha256 = json.at("config_sha256");
  run.data_sha256 = json.at("data_sha256");
  run.steps = json.at("steps");
  run.parameters_total = json.at("parameters_total");
  run.parameters_active = json.at("parameters_active");
  run.flops_per_token = json.at("flops_per_token");
  run.hidden = json.at("expert_hidden");
  run.least_bytes = json.at("least_bytes");
  return run;
}

Plan plan_of(const std::string& text) {
  const Json json = Json::parse(text);
  if (json.at("moesim_plan") != kFormat) fail(Exit::data, "a plan of another version of moesim");
  Plan plan;
  plan.experiment = shown_text(json.at("experiment"));
  std::set<std::string> folders;
  for (const Json& run : json.at("runs")) {
    plan.runs.push_back(run_of(run));
    if (!folders.insert(plan.runs.back().folder).second)
      fail(Exit::data, "two runs in one folder, " + plan.runs.back().folder);
  }
  return plan;
}

Plan build_all(const std::vector<RunSpec>& specs, int threads) {
  DataCache data;
  Plan plan;
  for (const RunSpec& spec : specs) {
    const Experiment e = build(spec, threads, data, stand_in);
    if (!plan.runs.empty() && plan.experiment != e.identity.experiment)
      fail(Exit::usage, "run.name is the name of the whole experiment; vary something else");
    plan.experiment = e.identity.experiment;
    PlannedRun run;
    run.spec = e.spec;  // with data.root as an absolute path
    run.folder = e.identity.folder;
    run.seed = e.identity.seed;
    run.config_sha256 = e.identity.config_sha256;
    run.data_sha256 = e.identity.data_sha256;
    run.steps = std::stoll(e.spec.settings.effective("run.steps"));
    run.parameters_total = count(e.model->parameters());
    run.parameters_active = e.model->active_parameters();
    run.flops_per_token = e.model->flops_per_token();
    run.hidden = e.model->expert_hidden();
    run.least_bytes = least_memory(e);
    const auto same = std::find_if(plan.runs.begin(), plan.runs.end(), [&](const auto& other) {
      return other.config_sha256 == run.config_sha256 && other.data_sha256 == run.data_sha256;
    });
    if (same == plan.runs.end())
      plan.runs.push_back(std::move(run));
    else
      std::cerr << fmt::format("{} seed {} is the same run as {}: left out\n", run.spec.label,
                               run.seed, same->spec.label);
  }
  return plan;
}

}  // namespace

Plan make_plan(const std::vector<RunSpec>& specs, int threads) {
  return plan_of(in_child([&] { return to_json(build_all(specs, threads)); }).text);
}

std::string to_json(const Plan& plan) {
  Json json = {{"moesim_plan", kFormat}, {"experiment", plan.experiment}, {"runs", Json::array()}};
  for (const PlannedRun& run : plan.runs) json["runs"].push_back(json_of(run));
  return json.dump(1) + "\n";
}

Plan read_plan(const std::string& path) {
  const std::string text = read_file(path, kMostBytes);
  try {
    return plan_of(text);
  } catch (const Json::exception&) {
    fail(Exit::data, path + ": damaged, or no plan; run the config again to make a new one");
  } catch (const Error& problem) {
    fail(Exit::data, path + ": " + problem.what());
  }
}

}  // namespace moesim
