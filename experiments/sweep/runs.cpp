#include "experiments/sweep/runs.hpp"

#include "experiments/sweep/plan.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

namespace fs = std::filesystem;

bool is_run_folder(const fs::path& path) {
  std::error_code error;
  return fs::exists(path / "config.ini", error) || fs::exists(path / "run.h5", error) ||
         fs::exists(path / "failure.txt", error);
}

}  // namespace

std::vector<KnownRun> known_runs(const std::string& path,
                                 const std::function<void(const std::string&)>& warn) {
  std::error_code error;
  std::vector<std::string> problems;
  const auto bearable = [&](const std::function<void()>& part) {
    try {
      part();
    } catch (const Error& problem) {
      if (!warn) throw;
      problems.push_back(problem.what());
    }
  };
  fs::path folder(path);
  if (!folder.has_filename()) folder = folder.parent_path();  // "runs/quickstart/"
  if (!fs::is_directory(folder, error))
    fail(Exit::data, path + ": not a folder; name a run's or an experiment's");
  if (is_run_folder(folder)) return {{folder.string(), "", -1, 0, false, false}};
  std::vector<KnownRun> runs;
  if (fs::exists(folder / kPlanFile, error))
    bearable([&] {
      const Plan plan = read_plan((folder / kPlanFile).string());
      for (const PlannedRun& run : plan.runs)
        runs.push_back({(folder / run.folder).string(), run.spec.label,
                        static_cast<std::int64_t>(run.seed), run.steps, true, false});
      for (const EarlierRun& run : plan.earlier)
        runs.push_back({(folder / run.folder).string(), run.arm,
                        static_cast<std::int64_t>(run.seed), run.steps, false, true});
    });
  std::vector<std::string> others, experiments;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().string();
    if (entry.is_directory(error) && is_run_folder(entry.path()) &&
        std::none_of(runs.begin(), runs.end(), [&](const auto& run) { return run.folder == name; }))
      others.push_back(name);
    if (fs::exists(entry.path() / kPlanFile, error)) experiments.push_back(name);
  }
  std::sort(others.begin(), others.end());
  for (std::string& name : others) runs.push_back({std::move(name), "", -1, 0, false, false});
  std::sort(experiments.begin(), experiments.end());
  if (runs.empty())  // the folder of all experiments
    for (const std::string& name : experiments)
      bearable([&] {
        for (KnownRun& run : known_runs(name, warn)) runs.push_back(std::move(run));
      });
  if (runs.empty())
    fail(Exit::data,
         problems.empty()
             ? path + ": holds no runs; name the folder of an experiment, as runs/quickstart"
             : problems.front());
  for (const std::string& problem : problems) warn(problem);
  return runs;
}

std::vector<std::string> begun_runs(const std::vector<std::string>& paths) {
  std::vector<std::string> folders;
  for (const std::string& path : paths)
    for (const KnownRun& run : known_runs(path))
      if (std::error_code error; fs::is_directory(run.folder, error))
        if (const std::string folder = fs::path(run.folder).lexically_normal().string();
            std::find(folders.begin(), folders.end(), folder) == folders.end())
          folders.push_back(folder);
  return folders;
}

std::string deeper_note(const std::vector<std::string>& paths, const std::set<std::string>& listed,
                        const std::string& command) {
  constexpr int kDeepest = 3;
  std::set<std::string> known, found, folders;
  for (const std::string& folder : listed) known.insert(fs::path(folder).lexically_normal());
  for (const std::string& path : paths) {
    std::error_code error;
    if (is_run_folder(path)) continue;
    fs::recursive_directory_iterator at(path, fs::directory_options::skip_permission_denied, error);
    for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      std::error_code ignored;
      if (!at->is_directory(ignored)) continue;
      const bool is_run = is_run_folder(at->path());
      if (is_run || at.depth() >= kDeepest) at.disable_recursion_pending();
      const fs::path folder = at->path().lexically_normal();
      if (!is_run || known.contains(folder) || !found.insert(folder).second) continue;
      folders.insert(folder.parent_path());
    }
  }
  if (found.empty()) return {};
  return fmt::format("{} deeper {} not listed: moesim {} {}", counted(found.size(), "run"),
                     found.size() == 1 ? "is" : "are", command,
                     joined({folders.begin(), folders.end()}, " "));
}

std::string name_of_folder(const std::string& folder) {
  const fs::path path(folder);
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

}  // namespace moesim
