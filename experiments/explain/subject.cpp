#include "experiments/explain/subject.hpp"

#include "experiments/explain/explanation.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "experiments/sweep/studies.hpp"
#include "sim/config/arms.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
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

constexpr const char* kGive = "give a config, the folder of a run or an experiment, or a router";

// The folder of the run that the word names: it, or one of its files; "" if it names none.
std::string run_folder(const std::string& word) {
  const fs::path path = word;
  if (is_folder(path)) return is_there(path / "config.ini") ? word : "";
  if (path.extension() != ".h5") return {};
  const fs::path folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (is_there(path) && !is_there(folder / "config.ini"))
    fail(Exit::usage, config::printable(word) +
                          ": not in the folder of a run (config.ini), as a trace that moesim route "
                          "or import-trace wrote; see moesim analyze and moesim whatif, or " +
                          kGive);
  return folder.string();
}

// A folder of experiments: the first one in it; else "".
std::string experiment_in(const std::string& folder) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    if (is_there(at->path() / kPlanFile)) found.push_back(at->path().lexically_normal().string());
  return found.empty() ? "" : *std::min_element(found.begin(), found.end());
}

// The plan.json that the word names; "" if it names none.
std::string plan_file(const std::string& word) {
  if (!is_folder(word)) return word.ends_with(".json") ? word : "";
  std::string file = word + "/" + kPlanFile;
  if (is_there(file)) return file;
  const std::string inside = experiment_in(word);
  fail(Exit::usage, fmt::format("{}: a folder without a run (config.ini) or an experiment ({}); {}",
                                config::printable(word), kPlanFile,
                                inside.empty() ? kGive : "did you mean " + inside + "?"));
}

// True if the first line that is no comment is a section or a setting.
bool begins_as_config(const std::string& path) {
  constexpr std::size_t kMostLines = 1000;
  std::ifstream file(path);
  std::string line;
  for (std::size_t i = 0; i < kMostLines && std::getline(file, line); ++i) {
    const std::string_view text = config::trimmed(line);
    if (!text.empty() && !text.starts_with('#') && !text.starts_with(';'))
      return text.starts_with('[') || text.find('=') != text.npos;
  }
  return true;
}

// Reads the config or study that the word names, which has to set something.
ConfigFile config_of(const std::string& word, bool is_changed) {
  const fs::path path = word;
  if (std::error_code error;
      path.extension() != ".ini" && fs::is_regular_file(path, error) && !begins_as_config(word))
    fail(Exit::usage, fmt::format("{}: no config file: it begins with neither [section] nor key = "
                                  "value; {}",
                                  config::printable(word), kGive));
  ConfigFile file = read_user_config(word);
  if (!is_changed && file.values.empty() && file.sweep.empty() && file.zips.empty() &&
      file.variants.empty())
    fail(Exit::usage, fmt::format("{}: sets no option, so that there is nothing to explain; {}",
                                  config::printable(word), kGive));
  return file;
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
  std::vector<RunSpec> specs = expand(config_of(word, !settings.empty()), {settings, arms}, &notes);
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
