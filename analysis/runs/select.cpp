#include "analysis/runs/select.hpp"

#include "analysis/runs/read.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPlanFile = "plan.json";

// The names of the run folders in the plan of an experiment folder; none if there is no plan that
// can be read: then all runs count.
std::set<std::string> planned_in(const fs::path& experiment) {
  constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 28;
  std::error_code problem;
  const std::uintmax_t size = fs::file_size(experiment / kPlanFile, problem);
  if (problem || size > kMostBytes) return {};
  std::ifstream file(experiment / kPlanFile);
  const auto plan = nlohmann::json::parse(file, nullptr, false);
  const auto runs = plan.find("runs");
  if (!plan.is_object() || runs == plan.end() || !runs->is_array()) return {};
  std::set<std::string> names;
  for (const auto& run : *runs)
    if (const auto folder = run.find("folder"); folder != run.end() && folder->is_string())
      names.insert(folder->get<std::string>());
  return names;
}

}  // namespace

Selection select_runs(const std::vector<std::string>& paths, bool all) {
  Selection selection;
  selection.files = find_runs(paths);
  if (all) return selection;
  std::set<fs::path> named;
  for (const std::string& path : paths) named.insert(fs::weakly_canonical(path));
  std::map<fs::path, std::set<std::string>> plans;
  std::map<fs::path, std::size_t> left_out;
  std::erase_if(selection.files, [&](const std::string& file) {
    const fs::path folder = fs::weakly_canonical(file).parent_path();
    if (named.contains(folder) || named.contains(folder / "run.h5")) return false;
    const fs::path experiment = folder.parent_path();
    const auto [plan, is_new] = plans.emplace(experiment, std::set<std::string>());
    if (is_new) plan->second = planned_in(experiment);
    if (plan->second.empty() || plan->second.contains(folder.filename())) return false;
    ++left_out[experiment];
    return true;
  });
  for (const auto& [experiment, count] : left_out)
    selection.notes.push_back(fmt::format(
        "{} {} of earlier sweeps in {} {} left out; --all takes them in", count,
        count == 1 ? "run" : "runs", experiment.filename().string(), count == 1 ? "is" : "are"));
  return selection;
}

}  // namespace moesim
