#include "experiments/sweep/take_sources.hpp"

#include "experiments/sweep/child.hpp"
#include "experiments/sweep/dense_steps.hpp"
#include "experiments/sweep/loaded_run.hpp"
#include "experiments/sweep/sources.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/config/source_runs.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/train/loading.hpp"
#include "sim/train/output_change.hpp"
#include "sim/train/start_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

namespace moesim {
namespace {

const RunNames kInit = {"init.from = ", "init.checkpoint ="};
const RunNames kDistil = {"distil.teacher = ", "distil.checkpoint ="};

void require_teacher(const Distillation& how, const Experiment& teacher, const Experiment& e) {
  require_same_task(kDistil.folder + how.teacher, teacher, e);
  const index most = teacher.task->shape().length, length = e.task->shape().length;
  if (length > most)
    fail(Exit::usage, fmt::format("distil.teacher = {}: it was trained on sequences of {} tokens; "
                                  "set data.length = {} or less",
                                  how.teacher, most, most));
}

// A teacher has no use for its optimiser.
Wanted teacher_of(const Distillation& how) {
  return {how.teacher, how.checkpoint, kDistil, CheckpointParts::no_state};
}

// Positions that a step trains on.
double tokens_of_step(const Experiment& e) {
  return static_cast<double>(e.trainer->batch()) * static_cast<double>(e.task->shape().length);
}

// A run that goes on at the step of another one counts its tokens.
void require_same_tokens(const Start& start, const Experiment& source, const Experiment& e) {
  if (tokens_of_step(source) != tokens_of_step(e))
    fail(
        Exit::usage,
        fmt::format("init.position = continue: a step of {} has {:.0f} tokens, and one of this run "
                    "{:.0f}; set train.batch and data.length as there",
                    start.from, tokens_of_step(source), tokens_of_step(e)));
  if (e.trainer->not_finite() == NotFinite::rewind)
    fail(
        Exit::usage,
        "init.position = continue: train.not_finite = rewind goes back to checkpoints of this run, "
        "which has none of its first step; set stop or skip");
}

double number(const RunFile& file, const std::string& name) {
  const auto at = file.attributes().find(name);
  if (at == file.attributes().end()) return 0;
  const double* value = std::get_if<double>(&at->second);
  return value == nullptr ? 0 : *value;
}

// Only moesim transform makes the first weights of such a run. One that extends another begins with
// the weights of that.
void require_not_made(const PlannedRun& run, bool afresh) {
  const auto made = run.spec.settings.values().find("run.made");
  if (made == run.spec.settings.values().end() || made->second.value.empty()) return;
  if (!run.extends.empty() && !afresh) return;
  fail(Exit::usage,
       fmt::format("run.made = {}: {}; train such a run in its own folder (moesim run DIR), longer "
                   "with its config.ini, --out, run.steps=N and --extend, or make it again with "
                   "moesim transform RUN ... run.steps=N",
                   made->second.value,
                   afresh ? "--force would discard its first weights, which are nowhere else"
                          : "a config alone does not have its first weights"));
}

}  // namespace

void require_same_task(const std::string& name, const Experiment& source, const Experiment& e) {
  const ModelShape a = source.task->shape(), b = e.task->shape();
  if (a.vocabulary != b.vocabulary || a.outputs != b.outputs || a.features != b.features)
    fail(Exit::usage, fmt::format("{}: it was trained with {} tokens and {} outputs, and "
                                  "this run has {} and {}; take its data and task",
                                  name, a.vocabulary, a.outputs, b.vocabulary, b.outputs));
  for (std::int32_t id = 0; id < source.data->info().vocabulary; ++id)
    if (const std::string there = source.data->decode({id}), here = e.data->decode({id});
        there != here)
      fail(Exit::usage, fmt::format("{}: token {} is \"{}\" there and \"{}\" here; take its "
                                    "tokenizer",
                                    name, id, config::printable(there), config::printable(here)));
}

void record_cost_before(RunFile& file, const Experiment& source, const std::string& folder,
                        index step) {
  const RunFile records =
      read_records(folder, read_checkpoint(folder, step, CheckpointParts::no_state));
  const double tokens =
      static_cast<double>(step) * tokens_of_step(source) - number(records, "init_tokens");
  file.attribute("tokens_before", tokens + number(records, "tokens_before"));
  file.attribute("flops_before",
                 tokens * source.model->flops_per_token() + number(records, "flops_before"));
}

void require_sources(const Experiment& e) {
  if (const Start& start = e.trainer->beginning(); start.dense_steps > 0) {
    if (e.model->adapters() != nullptr)
      fail(Exit::usage,
           "init.at: adapters are added to a model that is trained, and these steps train one; "
           "leave "
           "out [adapter], or add it in a second run, with init.from and init.method = adapter");
    DataCache data;
    e.trainer->require_start(build_dense(e, data).trainer->shapes_of_weights());
  } else if (!start.from.empty()) {
    e.trainer->require_start();
    open_run({start.from, start.checkpoint, kInit, parts_of(start)}, DataOf::checkpoint, 0,
             stand_in, [&](const Checkpoint&, const Experiment& source) {
               if (start.go_on) require_same_tokens(start, source, e);
               if (start.method != Start::Method::same)
                 require_same_task(kInit.folder + start.from, source, e);
             });
  }
  if (const Distillation& how = e.trainer->distillation(); how.any())
    open_run(teacher_of(how), DataOf::checkpoint, 0, stand_in,
             [&](const Checkpoint& checkpoint, const Experiment& teacher) {
               require_teacher(how, teacher, e);
               require_weights(checkpoint, *teacher.trainer);
             });
}

void require_sources(const std::vector<PlannedRun>& runs, bool afresh) {
  for (const PlannedRun& run : runs) require_not_made(run, afresh);
  const auto has_sources = [](const PlannedRun& run) {
    const auto& values = run.spec.settings.values();
    return std::any_of(values.begin(), values.end(), [](const auto& entry) {
      return (names_run(entry.first) || entry.first == "init.at") && !entry.second.value.empty();
    });
  };
  if (std::none_of(runs.begin(), runs.end(), has_sources)) return;
  in_child("checks the sources of runs", [&] {
    DataCache data;
    for (const PlannedRun& run : runs)
      if (has_sources(run)) require_sources(build(run.spec, 0, data, stand_in));
    return std::string();
  });
}

void take_start(Experiment& e, int threads, const std::function<void(const std::string&)>& say) {
  const Start& start = e.trainer->beginning();
  const Started done = e.trainer->take_start();
  if (done.summary.empty()) return;
  say(done.summary);
  RunFile& file = e.recorder->file();
  file.attribute("init_step", static_cast<std::int64_t>(done.step));
  file.attribute("init_weights_sha256", done.weights_sha256);
  const LoadedRun source =
      open_run({start.from, std::to_string(done.step), kInit, parts_of(start)}, DataOf::checkpoint,
               threads, make_backend, [&](const Checkpoint& checkpoint, const Experiment& made) {
                 made.trainer->start();
                 load_weights(checkpoint, *made.trainer);
               });
  record_cost_before(file, source.e, start.from, done.step);
  if (start.go_on) {
    require_same_tokens(start, source.e, e);
    file.attribute("init_tokens", static_cast<double>(done.position.step) * tokens_of_step(e));
  }
  if (start.method == Start::Method::same) return;
  require_same_task(kInit.folder + start.from, source.e, e);
  if (start.method == Start::Method::student) return;
  const OutputChange changed = output_change(*source.e.model, *source.e.backend, *e.model,
                                             *e.backend, *e.task, e.trainer->evaluator());
  file.attribute("init_dropped_share", done.dropped);
  file.attribute("init_logit_change", changed.logit);
  file.attribute("init_loss_before", changed.before);
  file.attribute("init_loss_after", changed.after);
  say(fmt::format(
      "against the source: the largest change of a logit is {:.3g}; the validation loss "
      "was {:.6f} and is {:.6f}, {:+.3g}",
      changed.logit, changed.before, changed.after, changed.after - changed.before));
}

void take_teacher(Experiment& e, int threads, const std::function<void(const std::string&)>& say) {
  const Distillation& how = e.trainer->distillation();
  if (!how.at(e.trainer->position().step)) return;
  auto teacher = std::make_shared<LoadedRun>(
      load_run(teacher_of(how), DataOf::checkpoint, threads,
               [&](const Experiment& t) { require_teacher(how, t, e); }));
  const std::string& sha256 = teacher->weights_sha256;
  RunFile& file = e.recorder->file();
  const auto before = file.attributes().find("teacher_weights_sha256");
  if (before != file.attributes().end() && std::get<std::string>(before->second) != sha256)
    fail(Exit::data, "distil.teacher = " + how.teacher +
                         ": its weights changed since this run began; start again with --force");
  file.attribute("teacher_step", static_cast<std::int64_t>(teacher->info.step));
  file.attribute("teacher_weights_sha256", sha256);
  e.trainer->set_teacher([teacher, &e, seed = e.run.seed](const Batch& batch, index step) {
    Experiment& t = teacher->e;
    Context context{.training = false, .seed = seed, .step = step};
    std::vector<Loss> losses;
    const Tape::Scope off(nullptr);
    const Tensor logits =
        t.model->forward(e.task->prepare(batch, *t.backend).input, context, losses);
    return Tensor::of(logits.shape(), logits.to_host(), *e.backend);
  });
  say(fmt::format("taught by step {} of {} (weights {})", teacher->info.step, how.teacher,
                  sha256.substr(0, 16)));
}

}  // namespace moesim
