#include "experiments/explain/subject.hpp"

#include "experiments/explain/explanation.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "experiments/sweep/studies.hpp"
#include "sim/config/arms.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

// The folder of the run that the word names: it, or one of its files; "" if it names none.
std::string run_folder(const std::string& word) {
  const fs::path path = word;
  if (is_folder(path)) return is_there(path / "config.ini") ? word : "";
  if (path.extension() != ".h5") return {};
  const fs::path folder = path.parent_path();
  return folder.empty() ? "." : folder.string();
}

// The plan.json that the word names; "" if it names none.
std::string plan_file(const std::string& word) {
  if (is_folder(word)) return word + "/" + kPlanFile;
  return word.ends_with(".json") ? word : "";
}

// The specification with other settings.
void change(RunSpec& spec, const std::vector<std::string>& settings) {
  for (const std::string& each : settings) {
    const std::size_t equals = each.find('=');
    spec.settings.set(each.substr(0, equals), each.substr(equals + 1), "command line");
  }
}

std::vector<RunSpec> specs_of(const std::string& word, std::vector<std::string> settings,
                              const std::vector<ArmChoice>& arms,
                              const std::vector<std::string>& routers) {
  if (const std::string folder = run_folder(word); !folder.empty()) {
    RunSpec spec = read_stored_run(folder).spec;
    spec.label = fs::path(folder).lexically_normal().filename().string();
    if (spec.label.empty() || spec.label == ".")
      spec.label = spec.settings.values().at("router.name").value;
    change(spec, settings);
    return choose_arms({spec}, arms);
  }
  if (const std::string file = plan_file(word); !file.empty()) {
    std::vector<RunSpec> specs;
    for (const PlannedRun& run : read_plan(file).runs) specs.push_back(run.spec);
    for (RunSpec& spec : specs) change(spec, settings);
    return choose_arms(specs, arms);
  }
  const bool is_router = std::find(routers.begin(), routers.end(), word) != routers.end();
  if (is_router && !is_there(word)) {
    for (std::string& each : settings)
      if (each.substr(0, each.find('=')).find('.') == std::string::npos)
        each.insert(0, "router." + word + ".");
    ConfigFile file;
    file.values["router.name"] = {word, "command line"};
    return expand(file, {settings, arms});
  }
  if (const std::string near = nearest(word, routers);
      !near.empty() && !is_there(word) && config_path(word) == word)
    fail(Exit::usage, config::printable(word) +
                          ": no such config, study, run or router; did you mean " + near + "?");
  std::vector<std::string> notes;
  std::vector<RunSpec> specs = expand(read_user_config(word), {settings, arms}, &notes);
  for (const std::string& note : notes) std::cerr << "note: " << note << '\n';
  return specs;
}

// Keeps the first run of every arm: seeds differ in nothing that is explained.
void keep_first(std::vector<RunSpec>& specs) {
  std::vector<RunSpec> first;
  for (RunSpec& spec : specs)
    if (std::none_of(first.begin(), first.end(),
                     [&](const RunSpec& other) { return other.label == spec.label; }))
      first.push_back(std::move(spec));
  specs = std::move(first);
}

}  // namespace

std::vector<PlannedRun> arms_of_subject(const std::string& word,
                                        const std::vector<std::string>& settings,
                                        const std::vector<ArmChoice>& arms,
                                        const std::vector<std::string>& routers) {
  std::string subject = word;
  std::vector<ArmChoice> chosen = arms;
  if (const std::size_t colon = word.find(':'); colon != word.npos && !is_there(word)) {
    subject = word.substr(0, colon);
    chosen = arm_choices({word.substr(colon + 1)});
  }
  std::vector<RunSpec> specs = specs_of(subject, settings, chosen, routers);
  keep_first(specs);
  return make_plan(specs, 1, false).runs;
}

}  // namespace moesim
