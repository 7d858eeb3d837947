#include "experiments/sweep/train_run.hpp"

#include "analysis/runs/dense_part.hpp"
#include "experiments/sweep/dense_steps.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/extension.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/run_notes.hpp"
#include "experiments/sweep/run_state.hpp"
#include "experiments/sweep/signals.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "experiments/sweep/take_sources.hpp"
#include "experiments/sweep/versions.hpp"
#include "experiments/terminal/progress.hpp"
#include "sim/core/out_of_memory.hpp"
#include "sim/data/root.hpp"
#include "sim/data/stored.hpp"
#include "sim/io/file.hpp"
#include "sim/io/folder_lock.hpp"
#include "sim/io/publish.hpp"
#include "sim/train/parameter_rules.hpp"
#include "sim/train/probe.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <new>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// Thrown to end an attempt before it changes the run.
class NotBegun : public Error {
 public:
  explicit NotBegun(const Error& why) : Error(why.code(), why.what()) {}
};

// Stops on a signal, or at a step, after the evaluation that is due there.
class Stop : public Hook {
 public:
  explicit Stop(index step) : step_(step) {}
  bool wants_stop() override { return reached_ || stop_requested(); }
  void on_boundary(const Position& position) override { reached_ = position.step == step_; }

 private:
  index step_;
  bool reached_ = false;
};

void create_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(Exit::output, described(folder) + ": cannot create: " + error.message());
}

// Removes everything trained from the folder; keeps the lock, the log and other files. If the run
// file is a link, it stays: publishing replaces its target later.
void forget(const std::string& folder) {
  remove_checkpoints(folder);
  const std::string file = folder + "/run.h5";
  std::error_code ignored;
  if (!fs::is_symlink(file, ignored)) fs::remove(file, ignored);
}

// Builds data and model. Missing data, for example, leave the run's state unchanged: neither begun
// nor failed.
Experiment build_planned(const Attempt& a) {
  DataCache own;
  Experiment e = [&] {
    try {
      return build(a.run.spec, a.threads, a.data ? *a.data : own);
    } catch (const Error& problem) {
      if (problem.code() != Exit::data || !a.run.spec.settings.has("data.root")) throw;
      fail(Exit::data,
           std::string(problem.what()) + "; if the data moved, start again with data.root=FOLDER");
    }
  }();
  if (e.trainer->steps() != a.run.steps)
    fail(Exit::data,
         fmt::format("steps = {} in the plan, but run.steps is {}: the plan was edited; "
                     "run the config file again to make a new one",
                     a.run.steps, e.trainer->steps()));
  if (e.identity.config_sha256 != a.run.config_sha256)
    fail(Exit::data,
         "config_sha256 of the plan is not that of its settings: the plan was edited, or made by "
         "another version; run the config file again to make a new one");
  if (e.identity.data_sha256 != a.run.data_sha256) {
    forget(user_memory(), DataCache::key_of(a.run.spec.settings));
    fail(Exit::data,
         "the data changed since the sweep was planned, or data_sha256 of the plan was edited; "
         "run the config file again to make a new one");
  }
  return e;
}

// Hook that throws before anything is written if this process has lost the lock. It comes before
// the hooks that write.
class WhileHeld : public Hook {
 public:
  explicit WhileHeld(const FolderLock& lock) : lock_(lock) {}
  void on_boundary(const Position&) override { lock_.require_held(); }
  void on_step(const StepReport&) override { lock_.require_held(); }
  void on_evaluation(const Evaluation&) override { lock_.require_held(); }

 private:
  const FolderLock& lock_;
};

// Trains to the end; rewinds or skips after non-finite steps, as the settings say.
// until: a step to stop at; 0: the end.
End train(Experiment& e, Progress& progress, const FolderLock& lock, const Checkpointer::Say& say,
          index until) {
  Stop stop(until > 0 ? until : e.trainer->steps());
  WhileHeld held(lock);
  for (;;) {
    try {
      return e.trainer->run({&held, &progress, e.recorder.get(), e.checkpointer.get(), &stop});
    } catch (const Error& problem) {
      if (problem.code() != Exit::diverged) throw;
      progress.say(problem.what());
      lock.require_held();
      if (!e.checkpointer->rewind([&](const std::string& what) { say("went back: " + what); }))
        throw;
    }
  }
}

// Writes a checkpoint, and the run file with this status.
void keep(Experiment& e, const FolderLock& lock, const std::string& status) {
  const Image image = e.recorder->image(status);
  lock.require_held();
  e.checkpointer->write(status == "complete" ? image.sha256() : "");
  lock.require_held();
  e.recorder->publish(image);
}

// True if some parameters are frozen.
bool trains_part(const Trainer& trainer) {
  const std::vector<Parameter>& all = trainer.parameters();
  return std::any_of(all.begin(), all.end(), [](const Parameter& p) { return p.frozen; });
}

void require_not_made(const Experiment& e) {
  if (!e.run.made.empty())
    fail(Exit::data, fmt::format("run.made = {}: the checkpoint with these weights is gone; {}",
                                 e.run.made, kMakeAgain));
}

// Starts from the end of the finished run that the plan names.
void go_on_from_another(const Attempt& a, Experiment& e, Progress& progress) {
  const std::string folder = (fs::path(a.folder).parent_path() / a.run.extends).string();
  const Beginning beginning = require_beginning(folder, e.identity.resolved);
  e.checkpointer->go_on_from({folder, beginning.config_sha256, beginning.steps});
  progress.say(fmt::format("continues from step {} of {}", beginning.steps, folder));
}

// Probes the trained model for looking ahead.
void record_leak(Experiment& e) {
  const FutureLeak leak =
      future_leak(*e.model, *e.task, *e.data, Trainer::micro_batch(e.spec.settings), *e.backend);
  RunFile& file = e.recorder->file();
  file.attribute("leak", leak.change);
  if (!leak.leaks()) return;
  file.attribute("leak_first", static_cast<std::int64_t>(leak.first));
  file.attribute("leak_last", static_cast<std::int64_t>(leak.last));
}

Ending run_to_end(const Attempt& a, Experiment& e, const FolderLock& lock, const Show& show,
                  Progress& progress) {
  const Checkpointer::Say say = [&](const std::string& what) { progress.say(what); };
  try {
    note_unknown(e.data->info(), progress);
    if (const std::string said = documents_text(e.data->info().documents); !said.empty())
      progress.say(said);
    if (const std::string said = dense_steps_text(*e.trainer); !said.empty()) say(said);
    if (Ending dense = train_dense_steps(a, e, show); dense.code != Exit::ok) return dense;
    e.trainer->start();
    lock.require_held();
    const bool resumed =
        e.checkpointer->resume([&](const std::string& what) { say("resuming: " + what); });
    if (!resumed && a.run.extends.empty()) require_not_made(e);
    if (!resumed && !a.run.extends.empty()) go_on_from_another(a, e, progress);
    if (e.trainer->beginning().dense_steps > 0) e.trainer->begin_from(dense_folder(a.folder));
    if (e.trainer->position().step == 0 && !resumed) take_start(e, a.threads, say);
    take_teacher(e, a.threads, say);
    note_quantised(e.run.made, progress);
    if (trains_part(*e.trainer)) say(trained_text(e.trainer->parameters()));
    if (train(e, progress, lock, say, a.until) == End::stopped) {
      keep(e, lock, "running");
      if (e.trainer->position().step == a.until) return {};
      progress.say(fmt::format("stopped at step {} after {}; run it again to resume",
                               e.trainer->position().step, duration(progress.seconds())));
      return {Exit::interrupted, "stopped by a signal, with a checkpoint; run it again to resume"};
    }
    if (e.task->shape().causal)  // in other tasks, looking ahead is allowed
      record_leak(e);
    keep(e, lock, "complete");
    note_guessing(e.recorder->file(), e.task->shape().outputs, progress);
    note_trace(e.recorder->file(), progress);
    const double disk = e.recorder->seconds_publishing() + e.checkpointer->seconds_writing();
    progress.say(
        fmt::format("complete in {}: {:.0f} tokens/s in the median step, {:.1f} % of the time for "
                    "writing to disk",
                    duration(progress.seconds()), e.recorder->tokens_per_second(),
                    100 * disk / progress.seconds()));
    return {};
  } catch (const Error& problem) {
    if (problem.code() != Exit::diverged) throw;
    lock.require_held();
    e.recorder->publish("diverged");
    note_failure(a.folder, problem.what());
    return {Exit::diverged, problem.what()};
  }
}

Ending attempt_held(const Attempt& a, const FolderLock& lock, const Show& show) {
  require_own_run(a.folder);
  remove_temporaries(a.folder);
  remove_temporaries(a.folder + "/checkpoint");
  // Another process may have finished the run since it was planned.
  if (has_steps(a)) return {};
  if (!a.force)
    if (const RunState before = recorded_state(a.folder); is_finished(before, a.run))
      return finished(before);

  require_threads(a.threads);
  Experiment e = [&] {
    try {
      Experiment built = build_planned(a);
      if (a.force) require_not_made(built);
      if (a.force) require_sources(built);
      return built;
    } catch (const Error& problem) {
      throw NotBegun(problem);
    }
  }();
  e.recorder->file().attribute("run_id", fs::path(a.folder).filename().string());
  e.recorder->file().attribute("swept", a.swept);
  e.recorder->file().attribute("evaluation_sha256", e.trainer->evaluator().sha256());
  lock.require_held();
  if (a.force) forget(a.folder);  // only now that the run could be built
  clear_failure(a.folder);
  publish_bytes(a.folder + "/config.ini", with_root(e.identity.resolved, e.identity.root));
  e.recorder->publish_at(a.folder + "/run.h5");
  e.checkpointer->keep_at(a.folder, a.run.config_sha256, a.run.data_sha256, stored_files(*e.data));
  Progress progress(a.prefix, show, a.folder + "/log.txt");
  progress.show_records_of(*e.recorder);
  return run_to_end(a, e, lock, show, progress);
}

Ending attempt_run(const Attempt& a, const Show& show) {
  create_folder(a.folder);
  const FolderLock lock(a.folder);
  try {
    return attempt_held(a, lock, show);
  } catch (...) {
    lock.require_held();  // write the note only if this process still holds the folder
    throw;
  }
}

}  // namespace

bool is_finished(const RunState& state, const PlannedRun& run) {
  return (state.state == State::complete || state.state == State::diverged) &&
         state.config_sha256 == run.config_sha256 && state.data_sha256 == run.data_sha256;
}

Ending finished(const RunState& state) {
  if (state.state == State::complete) return {};
  return {Exit::diverged, "diverged before: " + state.why};
}

Ending train_run(const Attempt& a, const Show& show) {
  Ending ending;
  try {
    return attempt_run(a, show);
  } catch (const NotBegun& problem) {
    return {problem.code(), problem.what()};
  } catch (const Unreadable& problem) {
    return {problem.code(), problem.what()};
  } catch (const Error& problem) {
    ending = {problem.code(), problem.what()};
  } catch (const std::bad_alloc&) {
    ending = {Exit::internal, kOutOfMemory};
  } catch (const std::exception& problem) {
    ending = {Exit::internal, std::string("internal error: ") + problem.what()};
  }
  if (ending.code != Exit::locked) note_failure(a.folder, ending.message);
  return ending;
}

}  // namespace moesim
