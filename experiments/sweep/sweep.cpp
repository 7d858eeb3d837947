#include "experiments/sweep/sweep.hpp"

#include "experiments/sweep/runs.hpp"
#include "experiments/sweep/signals.hpp"
#include "experiments/sweep/studies.hpp"
#include "experiments/sweep/train_run.hpp"
#include "experiments/sweep/versions.hpp"
#include "sim/config/arms.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/io/publish.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <set>

namespace moesim {
namespace {

namespace fs = std::filesystem;

bool is_folder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

bool is_plan(const std::string& path) { return is_folder(path) || path.ends_with(".json"); }

// data.root is the only setting of a plan that may change, because it is not part of a run's
// identity.
constexpr const char* kRoot = "data.root";

Sweep read_sweep(const std::vector<std::string>& words) {
  const std::string& path = words.front();
  const std::string file = is_folder(path) ? path + "/" + kPlanFile : path;
  const fs::path folder = fs::path(file).parent_path();
  Sweep sweep{read_plan(file), folder.empty() ? "." : folder.string()};
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    if (words[i].substr(0, equals) != kRoot || equals == std::string::npos)
      fail(Exit::usage, "command line: " + words[i] +
                            ": a plan cannot be changed, but for data.root; give the config file "
                            "instead");
    const std::string root = fs::absolute(words[i].substr(equals + 1)).lexically_normal();
    bool has_root = false;
    for (PlannedRun& run : sweep.plan.runs) {
      if (!run.spec.settings.has(kRoot)) continue;
      has_root = true;
      run.spec.settings.set(kRoot, root, "command line");
    }
    sweep.is_new = fs::path(file).filename() == kPlanFile;
    if (!has_root)
      fail(Exit::usage,
           "command line: " + words[i] +
               ": the plan has no data.root, because it reads no files or is of an older "
               "version; run it in the folder from which its paths start");
  }
  return sweep;
}

Sweep plan_sweep(const std::vector<std::string>& words, const std::vector<ArmChoice>& arms,
                 const std::string& out, int threads) {
  const ConfigFile config = read_user_config(words.front());
  std::vector<std::string> notes;
  const std::vector<RunSpec> specs =
      expand(config, {{words.begin() + 1, words.end()}, arms}, &notes);
  for (const std::string& note : notes) std::cerr << "note: " << note << '\n';
  catch_stop_signals();  // reading data can take minutes; a config from a pipe is still interrupted
  Sweep sweep{make_plan(specs, threads), ""};
  sweep.folder = out + "/" + sweep.plan.experiment;
  sweep.is_planned = sweep.is_new = true;
  return sweep;
}

// Keeps the runs of these arms in a plan that was read.
void keep_arms(Plan& plan, const std::vector<ArmChoice>& arms) {
  if (arms.empty()) return;
  std::vector<RunSpec> specs;
  for (const ArmChoice& arm : arms)
    if (!arm.overrides.empty())
      fail(Exit::usage, "command line: --arm " + config::printable(arm.name) + ":" +
                            config::printable(arm.overrides.front()) +
                            ": a plan cannot be changed; give the config file instead");
  for (const PlannedRun& run : plan.runs) specs.push_back(run.spec);
  std::set<std::string> wanted;
  for (const RunSpec& spec : choose_arms(specs, arms)) wanted.insert(spec.label);
  std::erase_if(plan.runs, [&](const PlannedRun& run) { return !wanted.contains(run.spec.label); });
}

}  // namespace

Sweep make_sweep(const std::vector<std::string>& words, const std::vector<ArmChoice>& arms,
                 const std::string& out, int threads) {
  const bool read = is_plan(words.front());
  Sweep sweep = read ? read_sweep(words) : plan_sweep(words, arms, out, threads);
  sweep.swept = swept_keys(sweep.plan.runs);
  if (!read) return sweep;
  keep_arms(sweep.plan, arms);
  sweep.is_new = sweep.is_new && arms.empty();
  return sweep;
}

void require_own(const Sweep& sweep, const std::vector<RunState>& before, bool force) {
  for (std::size_t i = 0; i < before.size(); ++i)
    if (force || !is_finished(before[i], sweep.plan.runs[i]))
      require_own_run(sweep.folder + "/" + sweep.plan.runs[i].folder);
}

void require_own_plan(const Sweep& sweep) {
  if (sweep.is_new) require_own_plan(sweep.folder + "/" + kPlanFile);
}

void publish_plan(Sweep& sweep) {
  if (!sweep.is_new) return;
  remove_old_temporaries(sweep.folder);  // left by a killed process
  const std::string path = sweep.folder + "/" + kPlanFile;
  try {
    keep_earlier(sweep.plan, read_plan(path));
  } catch (const Unreadable&) {
    throw;
  } catch (const Error&) {
    // There is no plan yet, or a damaged one.
  }
  publish_bytes(path, to_json(sweep.plan));
}

std::vector<RunState> states_of(const Sweep& sweep) {
  std::vector<RunState> states;
  RunReader reader;
  for (const PlannedRun& run : sweep.plan.runs)
    states.push_back(state_of(sweep.folder + "/" + run.folder, reader));
  return states;
}

void mention_others(const Sweep& sweep) {
  std::size_t others = 0;
  RunReader reader;
  for (const KnownRun& run : known_runs(sweep.folder)) {
    if (run.planned) continue;
    const State state = state_of(run.folder, reader).state;
    others += state == State::interrupted || state == State::failed;
  }
  if (others > 0)
    std::cerr << fmt::format(
        "{} unfinished {} in {} {} planned by an earlier sweep; rerun its config to resume {}\n",
        others, others == 1 ? "run" : "runs", sweep.folder, others == 1 ? "was" : "were",
        others == 1 ? "it" : "them");
}

}  // namespace moesim
