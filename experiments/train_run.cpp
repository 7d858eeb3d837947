#include "experiments/train_run.hpp"

#include "experiments/experiment.hpp"
#include "experiments/run_state.hpp"
#include "experiments/signals.hpp"
#include "sim/checkpoint/lock.hpp"
#include "sim/record/publish.hpp"
#include "sim/train/probe.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <new>

namespace moesim {
namespace {

namespace fs = std::filesystem;

class StopOnSignal : public Hook {
 public:
  bool wants_stop() override { return stop_requested(); }
};

void create_folder(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(Exit::output, folder + ": cannot create: " + error.message());
}

// Back to an empty folder, but for its lock and its log.
void forget(const std::string& folder) {
  remove_checkpoints(folder);
  std::error_code ignored;
  fs::remove(folder + "/run.h5", ignored);
}

// Trains to the end, through whatever the settings say is to be survived.
End train(Experiment& e, Progress& progress, const Keeper::Say& say) {
  StopOnSignal stop;
  for (;;) {
    try {
      return e.trainer->run({&progress, e.recorder.get(), e.keeper.get(), &stop});
    } catch (const Error& problem) {
      if (problem.code() != Exit::diverged) throw;
      progress.say(problem.what());
      if (!e.keeper->rewind([&](const std::string& what) { say("went back: " + what); })) throw;
    }
  }
}

// A checkpoint and the run file with this status.
void keep(Experiment& e, const std::string& status) {
  const Image image = e.recorder->image(status);
  e.keeper->write(status == "complete" ? image.sha256() : "");
  e.recorder->publish(image);
}

Ending run_to_end(const Attempt& a, Experiment& e, Progress& progress) {
  const Keeper::Say say = [&](const std::string& what) { progress.say(what); };
  try {
    e.trainer->start();
    e.keeper->resume([&](const std::string& what) { say("resuming: " + what); });
    if (train(e, progress, say) == End::stopped) {
      keep(e, "running");
      progress.say(
          fmt::format("stopped at step {}; run it again to resume", e.trainer->position().step));
      return {Exit::interrupted, "stopped by a signal, with a checkpoint; run it again to resume"};
    }
    if (e.task->shape().causal)  // elsewhere there is no future to see
      e.recorder->file().attribute(
          "leak", future_leak(*e.model, *e.task, *e.data, Trainer::micro_batch(e.spec.settings),
                              *e.backend));
    keep(e, "complete");
    const double disk = e.recorder->seconds_publishing() + e.keeper->seconds_writing();
    progress.say(fmt::format("complete, {:.0f} tokens/s, {:.1f} % of the time for the disk",
                             e.recorder->tokens_per_second(), 100 * disk / progress.seconds()));
    return {};
  } catch (const Error& problem) {
    if (problem.code() != Exit::diverged) throw;
    e.recorder->publish("diverged");
    note_failure(a.folder, problem.what());
    return {Exit::diverged, problem.what()};
  }
}

Ending attempt_run(const Attempt& a, const Show& show) {
  create_folder(a.folder);
  const FolderLock lock(a.folder);
  remove_temporaries(a.folder);
  remove_temporaries(a.folder + "/checkpoint");
  // Another process may have finished it since this one was planned.
  if (!a.force)
    if (const RunState before = recorded_state(a.folder); is_finished(before, a.run))
      return finished(before);
  clear_failure(a.folder);

  DataCache data;
  Experiment e = build(a.run.spec, a.threads, data);
  if (e.identity.config_sha256 != a.run.config_sha256 ||
      e.identity.data_sha256 != a.run.data_sha256)
    fail(Exit::data, "the data changed since the sweep was planned; start the sweep again");
  if (a.force) forget(a.folder);  // not before it is clear that it can be trained again
  publish_bytes(a.folder + "/config.ini", e.identity.resolved);
  e.recorder->publish_at(a.folder + "/run.h5");
  e.keeper->keep_at(a.folder, a.run.config_sha256, a.run.data_sha256);
  Progress progress(a.prefix, show, a.folder + "/log.txt");
  return run_to_end(a, e, progress);
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
  } catch (const Error& problem) {
    ending = {problem.code(), problem.what()};
  } catch (const std::bad_alloc&) {
    ending = {Exit::internal,
              "out of memory on the host; make the model, the batch or the data smaller"};
  } catch (const std::exception& problem) {
    ending = {Exit::internal, std::string("internal error: ") + problem.what()};
  }
  if (ending.code != Exit::locked) note_failure(a.folder, ending.message);
  return ending;
}

}  // namespace moesim
