// moesim run: trains one run or a whole sweep.
#include "analysis/tables/routers.hpp"
#include "experiments/cluster/launch_slurm.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/arm_arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/slurm_arguments.hpp"
#include "experiments/sweep/devices.hpp"
#include "experiments/sweep/dry_run.hpp"
#include "experiments/sweep/extension.hpp"
#include "experiments/sweep/match_folders.hpp"
#include "experiments/sweep/next_steps.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/resources.hpp"
#include "experiments/sweep/run_config.hpp"
#include "experiments/sweep/shared_documents.hpp"
#include "experiments/sweep/signals.hpp"
#include "experiments/sweep/sources.hpp"
#include "experiments/sweep/supervisor.hpp"
#include "experiments/sweep/sweep.hpp"
#include "experiments/sweep/writable.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>

namespace moesim {
namespace {

// Refuses runs that need more memory than is available. Runs on a GPU are not checked: their
// parameters are in its own memory.
void require_memory(std::vector<PlannedRun> runs, std::size_t at_once) {
  std::erase_if(runs, [](const PlannedRun& run) { return device_of(run.spec) != "cpu"; });
  const double available = available_memory();
  std::sort(runs.begin(), runs.end(),
            [](const auto& a, const auto& b) { return a.least_bytes > b.least_bytes; });
  double together = 0;
  for (std::size_t i = 0; i < std::min(runs.size(), at_once); ++i) together += runs[i].least_bytes;
  if (available == 0 || together <= available) return;
  fail(Exit::usage,
       fmt::format("{}: needs at least {}, {} available; make it smaller{}", runs[0].spec.label,
                   readable_bytes(together), readable_bytes(available),
                   at_once > 1 ? ", or run fewer at once (--jobs)" : ""));
}

struct Choice {
  std::size_t jobs = 1;
  int threads = 0;
  bool force = false, json = false;
};

// The runs for which is_left(state, run) holds; all of them with --force.
template <class IsLeft>
std::vector<PlannedRun> runs_left(const Sweep& sweep, const std::vector<RunState>& before,
                                  bool force, const IsLeft& is_left) {
  std::vector<PlannedRun> left;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (force || is_left(before[i], sweep.plan.runs[i])) left.push_back(sweep.plan.runs[i]);
  return left;
}

// Checks before anything is created that the runs of which others begin, or learn, fit them.
void require_sources(const Sweep& sweep, const std::vector<RunState>& before, bool force) {
  require_sources(runs_left(sweep, before, force,
                            [](const RunState& state, const PlannedRun&) {
                              return state.state == State::planned;
                            }),
                  force);
}

std::vector<PlannedRun> unfinished(const Sweep& sweep, const std::vector<RunState>& before,
                                   bool force) {
  return runs_left(sweep, before, force, std::not_fn(is_finished));
}

// Checks before anything is created that the machine has the devices and memory of the unfinished
// runs.
void require_machine(const Sweep& sweep, const std::vector<RunState>& before,
                     const Choice& choice) {
  const std::vector<PlannedRun> left = unfinished(sweep, before, choice.force);
  require_devices(left);
  require_memory(left, choice.jobs);
}

std::vector<Ending> train_all(const Sweep& sweep, const std::vector<RunState>& before,
                              const Choice& choice) {
  std::vector<Ending> endings(sweep.plan.runs.size());
  std::vector<Job> jobs;
  std::vector<std::size_t> number;  // the run of each job
  const std::shared_ptr<DataCache> data = shared_documents(unfinished(sweep, before, choice.force));
  for (std::size_t i = 0; i < endings.size(); ++i) {
    Attempt a{sweep.plan.runs[i],
              sweep.folder + "/" + sweep.plan.runs[i].folder,
              fmt::format("[{}/{}] {} seed {}", sweep.first + i + 1, sweep.total,
                          sweep.plan.runs[i].spec.label, sweep.plan.runs[i].seed),
              choice.threads,
              choice.force,
              sweep.swept,
              0,
              data};
    if (!choice.force && is_finished(before[i], a.run)) {
      endings[i] = finished(before[i]);
      continue;
    }
    number.push_back(i);
    const std::string folder = a.folder, prefix = a.prefix;
    jobs.push_back({prefix, [a = std::move(a)](const Show& show) { return train_run(a, show); },
                    [folder](const std::string& why) { note_failure(folder, why); },
                    sweep.plan.runs[i].least_bytes});
  }
  const std::vector<Ending> trained = supervise(jobs, choice.jobs);
  for (std::size_t i = 0; i < trained.size(); ++i) {
    endings[number[i]] = trained[i];
    if (trained[i].code != Exit::locked) continue;
    // The other process may have finished by now.
    const PlannedRun& run = sweep.plan.runs[number[i]];
    if (const RunState now = state_of(sweep.folder + "/" + run.folder); is_finished(now, run))
      endings[number[i]] = finished(now);
  }
  return endings;
}

// The exit code of the sweep: the first of these with which any run ended.
Exit worst_of(const std::vector<Ending>& endings) {
  for (const Exit code : {Exit::output, Exit::interrupted, Exit::internal, Exit::data, Exit::usage,
                          Exit::locked, Exit::diverged})
    for (const Ending& ending : endings)
      if (ending.code == code) return code;
  return Exit::ok;
}

int report(const Sweep& sweep, const std::vector<Ending>& endings, const Work& work, bool json) {
  const Exit worst = worst_of(endings);
  std::vector<std::string> ended;
  std::string first;
  for (std::size_t i = 0; i < endings.size(); ++i) {
    if (endings[i].code == Exit::ok || endings[i].code == Exit::diverged)
      ended.push_back(sweep.folder + "/" + sweep.plan.runs[i].folder);
    if (endings[i].code == worst && first.empty())
      first = (endings.size() > 1 ? sweep.plan.runs[i].spec.label + ": " : "") + endings[i].message;
  }
  if (worst == Exit::interrupted)
    fail(worst, fmt::format("stopped with {} of {} runs done; run it again to resume", ended.size(),
                            endings.size()));
  if (!ended.empty()) {
    std::string unreadable;  // the first unreadable run
    const Table table = routers_table({.paths = ended,
                                       .status_of = status_now,
                                       .on_unreadable =
                                           [&](const std::string& why) {
                                             if (unreadable.empty()) unreadable = why;
                                           }},
                                      {});
    std::cout << render(table, json ? TableFormat::json : TableFormat::text) << std::flush;
    if (worst == Exit::ok && !unreadable.empty()) fail(Exit::data, unreadable);
  }
  if (worst == Exit::ok || worst == Exit::diverged) {
    std::cerr << next_steps(sweep.folder, ended.size(), work) << '\n';
    return static_cast<int>(worst);
  }
  fail(worst, endings.size() > 1 ? fmt::format("{} of {} runs did not end; the first: {}",
                                               endings.size() - ended.size(), endings.size(), first)
                                 : first);
}

}  // namespace

Arguments run_arguments() {
  Arguments arguments(
      "run CONFIG [key=value ...]",
      "Trains the run or the sweep that CONFIG describes and prints a comparison of its arms. A "
      "key given here replaces the file's; key=a,b makes an axis. Runs that are complete are "
      "skipped, interrupted ones resume from their checkpoints. Instead of CONFIG: the folder of "
      "an experiment, or its plan.json, to resume its latest sweep.");
  arguments.value("out", "runs", "folder of all experiments", Offer::file())
      .value("jobs", "1", "concurrent runs, each in its own process; 0: one per processor")
      .value("threads", "0",
             "threads per run; 0: OMP_NUM_THREADS, otherwise all processors divided by --jobs")
      .list("arm", kArmHelp)
      .value("only", "",
             "train only the run of this number, from 1, as --dry-run and [1/9] show it")
      .flag("dry-run", "print the plan with estimates and stop")
      .value("trial", "1", "seconds of --dry-run spent on each arm; 0: no estimates")
      .flag(
          "extend",
          "continue finished runs that differ only in run.steps; a cosine schedule that has ended "
          "restarts there (train.restarts)")
      .flag("force", "discard complete and interrupted runs and train them from step 0")
      .flag("json", "print one JSON document");
  declare_slurm(arguments);
  return arguments;
}

int run_command(const Words& words) {
  Arguments arguments = run_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("which config?");
  const std::string out = arguments.text("out");
  if (out.empty()) fail(Exit::usage, "command line: --out is empty; name a folder");
  const bool json = arguments.has("json");

  Choice choice;
  choice.force = arguments.has("force");
  choice.jobs = static_cast<std::size_t>(arguments.integer("jobs", 0, 1024));
  if (choice.jobs == 0) choice.jobs = static_cast<std::size_t>(processors());
  choice.threads = chosen_threads(arguments.integer("threads", 0, kMostThreads), choice.jobs);

  const bool slurm = is_for_slurm(arguments);
  if (slurm && choice.force)
    fail(Exit::usage,
         "command line: --force: a task that is requeued would forget its work; "
         "remove the folders of the runs instead");

  Sweep sweep = make_sweep(arguments.rest(), arms_of(arguments), out, choice.threads);
  if (slurm || arguments.has("dry-run"))
    release_stop_signals();
  else
    catch_stop_signals();
  const bool extend = arguments.has("extend");
  if (extend && !sweep.is_planned)
    fail(Exit::usage, "command line: --extend: a plan cannot be changed; give the config file");
  if (extend) {
    restart_cosines(sweep.plan, sweep.folder, choice.threads);
    sweep.swept = swept_keys(sweep.plan.runs);
  }
  std::vector<std::string> notes = match_folders(sweep.plan, sweep.folder);
  if (sweep.is_planned)
    for (std::string& note : extend_runs(sweep.plan, sweep.folder, extend))
      notes.push_back(std::move(note));
  const bool whole = arguments.text("only").empty();
  sweep.total = sweep.plan.runs.size();
  if (!whole) {
    sweep.first =
        static_cast<std::size_t>(arguments.integer("only", 1, static_cast<long>(sweep.total))) - 1;
    sweep.plan.runs = {sweep.plan.runs[sweep.first]};
  }
  const auto say_notes = [&] {
    for (const std::string& note : notes) std::cerr << "note: " << note << '\n';
  };
  if (arguments.has("dry-run")) {
    say_notes();
    require_sources(sweep, states_of(sweep), choice.force);
    print_dry_run(sweep.plan, sweep.folder,
                  {.force = choice.force,
                   .json = json,
                   .first = sweep.first,
                   .at_once = choice.jobs,
                   .threads = choice.threads,
                   .trial_seconds = arguments.number("trial", 0, 3600)});
    return 0;
  }
  const std::vector<RunState> before = states_of(sweep);
  require_own(sweep, before, choice.force);
  if (whole) require_own_plan(sweep);
  say_notes();
  require_sources(sweep, before, choice.force);
  if (slurm) {
    if (!arguments.has("print")) {
      require_writable(sweep.folder);
      if (whole) publish_plan(sweep);
    }
    launch_on_slurm(sweep.plan, sweep.folder, slurm_options(arguments), arguments.has("print"));
    return 0;
  }
  require_machine(sweep, before, choice);
  require_writable(sweep.folder);
  if (whole) publish_plan(sweep);
  if (whole) mention_others(sweep);
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<Ending> endings = train_all(sweep, before, choice);
  Work work;
  work.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  for (std::size_t i = 0; i < before.size(); ++i)
    work.trained += choice.force || !is_finished(before[i], sweep.plan.runs[i]) ? 1 : 0;
  return report(sweep, endings, work, json);
}

}  // namespace moesim
