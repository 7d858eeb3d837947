#include "analysis/runs/select.hpp"

#include "analysis/runs/read.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kPlanFile = "plan.json";

// What is read of a plan: runs[].folder. The rest, which is long, is not kept.
bool is_needed(int depth, Json::parse_event_t event, const Json& parsed) {
  if (event != Json::parse_event_t::key) return true;
  return (depth == 1 && parsed == "runs") || (depth == 3 && parsed == "folder");
}

// The names of the run folders in the plan of an experiment folder; nothing if it has no plan that
// can be read.
std::optional<std::set<std::string>> planned_in(const fs::path& experiment) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 29;
  const fs::path path = experiment / kPlanFile;
  std::error_code problem;
  if (!fs::is_regular_file(path, problem) || fs::file_size(path, problem) > kMostBytes)
    return std::nullopt;
  std::ifstream file(path);
  const Json plan = Json::parse(file, is_needed, false);
  if (!plan.is_object()) return std::nullopt;
  const auto runs = plan.find("runs");
  if (runs == plan.end() || !runs->is_array()) return std::nullopt;
  std::set<std::string> names;
  for (const Json& run : *runs) {
    if (!run.is_object()) continue;
    if (const auto folder = run.find("folder"); folder != run.end() && folder->is_string())
      names.insert(folder->get<std::string>());
  }
  return names.empty() ? std::nullopt : std::optional(names);
}

// Without "." and "..", and without a slash at the end; links stay: a folder of links is an
// experiment of its own.
fs::path plain(const fs::path& path) {
  fs::path absolute = fs::absolute(path).lexically_normal();
  return absolute.has_filename() ? absolute : absolute.parent_path();
}

struct Experiment {
  std::optional<std::set<std::string>> planned;
  bool unreadable = false;  // there is a plan, which says nothing
  std::size_t left_out = 0;
};

Experiment experiment_in(const fs::path& folder) {
  std::error_code problem;
  Experiment experiment{planned_in(folder)};
  experiment.unreadable = !experiment.planned && fs::exists(folder / kPlanFile, problem);
  return experiment;
}

}  // namespace

Selection select_runs(const std::vector<std::string>& paths, bool all) {
  Selection selection;
  selection.files = find_runs(paths);
  if (all) return selection;
  std::set<fs::path> named;
  for (const std::string& path : paths) named.insert(plain(path));
  std::map<fs::path, Experiment> experiments;
  std::erase_if(selection.files, [&](const std::string& file) {
    const fs::path path = plain(file), folder = path.parent_path();
    if (named.contains(folder) || named.contains(path)) return false;
    const auto [place, is_new] = experiments.try_emplace(folder.parent_path());
    Experiment& experiment = place->second;
    if (is_new) experiment = experiment_in(place->first);
    if (!experiment.planned || experiment.planned->contains(folder.filename())) return false;
    ++experiment.left_out;
    return true;
  });
  for (const auto& [folder, experiment] : experiments) {
    const std::string name = folder.filename().string();
    if (experiment.left_out > 0)
      selection.notes.push_back(
          fmt::format("{} {} of earlier sweeps in {} {} left out; --all takes them in",
                      experiment.left_out, experiment.left_out == 1 ? "run" : "runs", name,
                      experiment.left_out == 1 ? "is" : "are"));
    if (experiment.unreadable)
      selection.notes.push_back(
          fmt::format("{} of {} is damaged, so the runs of all sweeps are in", kPlanFile, name));
  }
  return selection;
}

}  // namespace moesim
