#include "experiments/sweep/extension.hpp"

#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/recorded_runs.hpp"
#include "experiments/sweep/run_state.hpp"
#include "sim/config/resolved.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"
#include "sim/io/sha256.hpp"
#include "sim/train/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace moesim {
namespace {

using Settled = std::map<std::string, std::string>;

constexpr const char* kSteps = "run.steps";
constexpr const char* kRestarts = "train.restarts";

std::string settled_value(const Settled& values, const std::string& key) {
  const auto found = values.find(key);
  return found == values.end() ? "" : found->second;
}

index steps_of(const Settled& values) {
  index steps = 0;
  return config::parse(settled_value(values, kSteps), steps) == std::errc{} ? steps : 0;
}

Schedule schedule_of(const Settled& values) {
  Settings settings;
  for (const auto& [key, value] : values)
    if (config::section_of(key) == "train") settings.set(key, value, "config.ini");
  Options options(settings, "train");
  return {options, steps_of(values)};
}

// True if `longer` can continue `shorter`. False also for impossible restarts, as in an edited
// config.ini.
bool continues(const Settled& longer, const Settled& shorter) {
  try {
    return schedule_of(longer).continues(schedule_of(shorter));
  } catch (const Error&) {
    return false;
  }
}

// A text that is equal for runs that differ only in these keys.
std::string without(Settled values, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) values.erase(key);
  std::string text;
  for (const auto& [key, value] : values) text += key + "=" + value + "\n";
  return text;
}
// init.at is a share of the steps: runs of other steps have other first steps.
std::string without_steps(const Settled& values) {
  if (values.contains("init.at")) return without(values, {kRestarts});
  return without(values, {kSteps, kRestarts});
}

struct Finished {
  std::string folder;
  Settled values;
  index steps = 0;
  bool is_beginning = false;  // the longer run has the same learning rates in its steps
};

// The finished runs of an experiment, read once.
class FinishedRuns {
 public:
  explicit FinishedRuns(std::string experiment) : experiment_(std::move(experiment)) {
    for (const std::string& name : folders_of(experiment_)) {
      if (hash_of_folder(name).empty()) continue;
      Settled values = recorded_values(experiment_ + "/" + name);
      const std::string key = without_steps(values);
      if (const index steps = steps_of(values); steps > 0)
        by_settings_[key].push_back({name, std::move(values), steps});
    }
  }

  // The run to continue: preferably a beginning, then the one with most steps, then one without
  // restarts.
  std::optional<Finished> shorter(const PlannedRun& run) {
    const Settled values = config::resolved_values(run.resolved);
    const auto found = by_settings_.find(without_steps(values));
    if (found == by_settings_.end()) return {};
    std::optional<Finished> best;
    for (Finished other : found->second) {
      if (other.steps >= run.steps || !is_finished(other, run)) continue;
      other.is_beginning = continues(values, other.values);
      if (!best || rank(*best) < rank(other)) best = std::move(other);
    }
    return best;
  }

 private:
  static std::tuple<bool, index, bool> rank(const Finished& run) {
    return {run.is_beginning, run.steps, !run.values.contains(kRestarts)};
  }

  // True for a complete run with the same data and number type.
  bool is_finished(const Finished& other, const PlannedRun& run) {
    const std::string folder = experiment_ + "/" + other.folder;
    const RunState state = state_of(folder, reader_);
    return state.state == State::complete && state.data_sha256 == run.data_sha256 &&
           hash_of_folder(other.folder) == identity_hash(state.config_sha256, run.data_sha256);
  }

  std::string experiment_;
  RunReader reader_;
  std::map<std::string, std::vector<Finished>> by_settings_;
};

// The run for messages: "dense seed 0".
std::string name_of(const PlannedRun& run) {
  return fmt::format("{} seed {}", run.spec.label, run.seed);
}

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// A group of runs with the same relation to finished ones, for a note.
struct Group {
  std::size_t count = 0;
  std::string example;  // the first: "dense seed 0, of which 300 of 600 steps are there"
  index steps = 0;      // of the finished run
  void add(const PlannedRun& run, const Finished& finished) {
    if (count++ > 0) return;
    steps = finished.steps;
    example = fmt::format("{}: {} of {} steps", name_of(run), finished.steps, run.steps);
  }
};

std::vector<std::string> notes_without_extending(const Group& alike, const Group& otherwise) {
  std::vector<std::string> notes;
  const auto finished = [](const Group& group) {
    return fmt::format("{} with fewer steps ({})",
                       counted(group.count, "run is finished", "runs are finished"), group.example);
  };
  if (alike.count > 0)
    notes.push_back(finished(alike) +
                    ", and would start again at step 0; --extend continues from there, to the same "
                    "bits");
  if (otherwise.count > 0)
    notes.push_back(fmt::format(
        "{}, where the cosine ended, and would start again at step 0, because a cosine over more "
        "steps has other rates; --extend continues from there with a new warm-up and cosine "
        "(train.restarts = {}), as an arm of its own",
        finished(otherwise), otherwise.steps));
  return notes;
}

}  // namespace

Beginning require_beginning(const std::string& folder, const std::string& resolved) {
  const std::string text = without_root(read_file(folder + "/config.ini"));
  const Settled values = config::resolved_values(resolved), other = config::resolved_values(text);
  if (without_steps(values) != without_steps(other) || steps_of(other) == 0 ||
      !continues(values, other))
    fail(Exit::data, folder +
                         ": not the beginning of this run; run the config file again to make "
                         "a new plan");
  return {sha256_hex(text.data(), text.size()), steps_of(other)};
}

void restart_cosines(Plan& plan, const std::string& experiment, int threads) {
  FinishedRuns finished(experiment);
  const auto arm_of = [](const PlannedRun& run) {
    return without(config::resolved_values(run.resolved), {"run.seed"});
  };
  std::map<std::string, std::string> restarts;  // by arm
  for (const PlannedRun& run : plan.runs)
    if (const auto found = finished.shorter(run);
        found && !found->is_beginning && !run.spec.settings.has(kRestarts))
      restarts.emplace(arm_of(run), schedule_of(found->values).restarts_beyond());
  if (restarts.empty()) return;
  std::vector<RunSpec> specs;
  for (const PlannedRun& run : plan.runs) {
    specs.push_back(run.spec);
    if (const auto found = restarts.find(arm_of(run)); found != restarts.end())
      specs.back().settings.set(kRestarts, found->second, "--extend");
  }
  plan = make_plan(specs, threads, false);
}

std::vector<std::string> extend_runs(Plan& plan, const std::string& experiment, bool extend) {
  const auto is_new = [&](const PlannedRun& run) {
    return state_of(experiment + "/" + run.folder).state == State::planned;
  };
  if (!extend && std::none_of(plan.runs.begin(), plan.runs.end(), is_new)) return {};
  FinishedRuns finished(experiment);
  Group alike, otherwise;
  std::vector<std::string> from_start;
  for (PlannedRun& run : plan.runs) {
    const bool begun = !is_new(run);
    if (begun && !extend) continue;
    const auto found = finished.shorter(run);
    if (found && found->is_beginning && extend) run.extends = found->folder;
    if (begun) continue;
    if (found)
      (found->is_beginning ? alike : otherwise).add(run, *found);
    else
      from_start.push_back(name_of(run));
  }
  if (!extend) return notes_without_extending(alike, otherwise);
  if (alike.count == 0 && !from_start.empty() &&
      std::none_of(plan.runs.begin(), plan.runs.end(),
                   [](const PlannedRun& run) { return !run.extends.empty(); }))
    fail(Exit::usage,
         fmt::format(
             "command line: --extend: no finished run of fewer steps in {} agrees with {} in "
             "all else; leave out --extend, or name the settings it was trained with",
             experiment, from_start.front()));
  std::vector<std::string> notes;
  if (alike.count > 0)
    notes.push_back(fmt::format("{} finished ones ({})",
                                counted(alike.count, "run continues", "runs continue"),
                                alike.example));
  if (!from_start.empty())
    notes.push_back(fmt::format("{} at step 0, because no finished one is its beginning ({})",
                                counted(from_start.size(), "run starts", "runs start"),
                                from_start.front()));
  return notes;
}

}  // namespace moesim
