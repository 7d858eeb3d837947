#include "experiments/cluster/launch_slurm.hpp"

#include "experiments/sweep/run_config.hpp"
#include "experiments/sweep/run_state.hpp"
#include "experiments/sweep/train_run.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/publish.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string jobs_path(const std::string& folder) { return folder + "/slurm/jobs.json"; }

Json read_jobs(const std::string& folder) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
  try {
    Json jobs = Json::parse(read_file(jobs_path(folder), kMostBytes), nullptr, false);
    if (jobs.is_array()) return jobs;
  } catch (const Error&) {
    // There is no list yet, or it is unreadable.
  }
  return Json::array();
}

// The same for a list that will be replaced. Throws Unreadable if the system refuses the file or if
// it contains JSON other than a list; damaged JSON counts as empty.
Json read_own_jobs(const std::string& folder) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{16} << 20;
  const std::string path = jobs_path(folder);
  std::string text;
  try {
    text = read_file(path, kMostBytes);
  } catch (const Unreadable&) {
    throw;
  } catch (const Error&) {
    return Json::array();
  }
  Json jobs = Json::parse(text, nullptr, false);
  if (jobs.is_discarded()) return Json::array();
  if (!jobs.is_array())
    throw Unreadable(path + ": not a list of jobs of this version; move it away");
  return jobs;
}

std::string this_program() {
  std::error_code error;
  const fs::path path = fs::read_symlink("/proc/self/exe", error);
  if (error) fail(Exit::internal, "/proc/self/exe: " + error.message());
  return path.string();
}

// The states in which Slurm will still run a task.
bool is_queued(const std::string& state) {
  for (const char* queued : {"PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "REQUEUED"})
    if (state == queued) return true;
  return false;
}

// Runs that still need a task: not finished, not running, not queued.
std::vector<std::size_t> unfinished(const Plan& plan, const std::string& folder) {
  std::vector<std::size_t> runs;
  RunReader reader;
  const std::map<std::string, SlurmTask> tasks = slurm_tasks(folder);
  for (std::size_t i = 0; i < plan.runs.size(); ++i) {
    const RunState state = state_of(folder + "/" + plan.runs[i].folder, reader);
    const auto task = tasks.find(plan.runs[i].folder);
    if (!is_finished(state, plan.runs[i]) && state.state != State::running &&
        (task == tasks.end() || !is_queued(task->second.state)))
      runs.push_back(i);
  }
  return runs;
}

// The GPUs that a device needs. A task sees its allocated GPUs, numbered from 0.
std::string cards_of(const Plan& plan) {
  std::size_t cards = 0;
  for (const PlannedRun& run : plan.runs) {
    const std::string device = device_of(run.spec);
    if (device == "cpu") continue;
    std::size_t number = 0;
    const std::size_t colon = std::min(device.find(':'), device.size() - 1);
    std::from_chars(device.data() + colon + 1, device.data() + device.size(), number);
    cards = std::max(cards, number + 1);
  }
  return cards == 0 ? "" : fmt::format("gpu:{}", cards);
}

}  // namespace

void launch_on_slurm(const Plan& plan, const std::string& folder, SlurmOptions options,
                     bool print_only) {
  if (options.gres.empty()) options.gres = cards_of(plan);
  const std::vector<std::size_t> runs = unfinished(plan, folder);
  if (runs.empty()) {
    std::cout << "nothing to do: " << plan.runs.size()
              << " runs are complete, running or in the queue\n";
    return;
  }
  // The copy of the plan is named by its content, so queued tasks keep theirs when a new sweep is
  // planned.
  const std::string text = to_json(plan);
  const fs::path base = fs::absolute(folder).lexically_normal();
  const std::string plan_path =
      base / ("plan-" + sha256_hex(text.data(), text.size()).substr(0, 8) + ".json");
  const std::string logs = base / "slurm";
  if (!print_only) {
    std::error_code error;
    fs::create_directories(logs, error);
    if (error) fail(Exit::output, logs + ": cannot create: " + error.message());
    publish_bytes(plan_path, text);
  }
  for (const SlurmPart& part : slurm_parts(runs, slurm_max_array_size())) {
    const std::string script = slurm_script(options, "moesim-" + plan.experiment, this_program(),
                                            plan_path, part.runs, logs, part.base);
    if (print_only) {
      std::cout << script;
      continue;
    }
    const std::string path = fmt::format("{}/job-{}.sh", logs, part.base);
    publish_bytes(path, script);
    const std::string job = submit_to_slurm(path);
    Json jobs = read_own_jobs(folder);
    jobs.push_back({{"job", job}, {"base", part.base}, {"plan", plan_path}});
    publish_bytes(jobs_path(folder), jobs.dump(1) + "\n");
    std::cout << fmt::format("job {}: {}; moesim status {} follows them\n", job,
                             counted(part.runs.size(), "run"), folder);
  }
}

std::map<std::string, SlurmTask> slurm_tasks(const std::string& folder) {
  std::map<std::string, SlurmTask> result;
  for (const Json& entry : read_jobs(folder)) {
    try {
      const std::string job = entry.at("job");
      if (!entry.at("base").is_number_unsigned()) continue;
      const std::map<std::size_t, std::string> states = slurm_states(job, entry.at("base"));
      if (states.empty()) continue;
      // Resolve against the current folder: the experiment may have been moved.
      std::string path = entry.at("plan");
      if (std::error_code error; !fs::exists(path, error))
        path = folder + "/" + fs::path(path).filename().string();
      const Plan plan = read_plan(path);
      for (const auto& [run, state] : states)
        if (run < plan.runs.size()) result[plan.runs[run].folder] = {job, state};
    } catch (const Json::exception&) {
      continue;  // a damaged entry
    } catch (const Error&) {
      continue;  // an entry whose plan is missing
    }
  }
  return result;
}

}  // namespace moesim
