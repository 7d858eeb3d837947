#include "experiments/sweep/loaded_run.hpp"

#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/io/sha256.hpp"
#include "sim/train/loading.hpp"
#include "sim/train/output_change.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <vector>

namespace moesim {
namespace {

// The checkpoints of this run, in order of preference.
std::vector<CheckpointInfo> candidates(const std::string& folder, const StoredRun& run,
                                       const std::string& wanted) {
  std::vector<CheckpointInfo> all = checkpoint_infos(folder);
  const std::size_t found = all.size();
  std::erase_if(
      all, [&](const CheckpointInfo& info) { return info.config_sha256 != run.config_sha256; });
  if (all.empty())
    fail(Exit::data, folder + (found == 0 ? ": no checkpoint; train it first"
                                          : ": config.ini changed since it was trained"));
  std::reverse(all.begin(), all.end());
  if (wanted == "newest") return all;
  if (wanted == "best") {
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
      return a.loss < b.loss || (std::isnan(b.loss) && !std::isnan(a.loss));
    });
    return all;
  }
  std::vector<std::string> steps;
  for (const CheckpointInfo& info : all) steps.push_back(std::to_string(info.step));
  std::erase_if(all,
                [&](const CheckpointInfo& info) { return std::to_string(info.step) != wanted; });
  if (all.empty())
    fail(Exit::usage, "command line: --checkpoint " + config::printable(wanted) +
                          ": choose newest, best or one of the steps " + joined(steps));
  return all;
}

// Checkpoints of older versions store no data set; then the data are read.
Experiment build_for(const Checkpoint& checkpoint, const RunSpec& spec, DataOf source,
                     int threads) {
  if (source == DataOf::checkpoint)
    if (const auto data = data_of(checkpoint)) return build_stored(spec, threads, data);
  DataCache cache;
  Experiment e = build(spec, threads, cache);
  if (e.identity.data_sha256 != checkpoint.info.data_sha256)
    fail(Exit::data, checkpoint.path + ": the data changed since it was trained");
  return e;
}

void require_same_task(const std::string& key, const std::string& folder, const Experiment& source,
                       const Experiment& e) {
  const ModelShape a = source.task->shape(), b = e.task->shape();
  if (a.vocabulary != b.vocabulary || a.outputs != b.outputs || a.features != b.features)
    fail(Exit::usage, fmt::format("{} = {}: it was trained with {} tokens and {} outputs, and "
                                  "this run has {} and {}; take its data and task",
                                  key, folder, a.vocabulary, a.outputs, b.vocabulary, b.outputs));
  for (std::int32_t id = 0; id < source.data->info().vocabulary; ++id)
    if (const std::string there = source.data->decode({id}), here = e.data->decode({id});
        there != here)
      fail(Exit::usage,
           fmt::format("{} = {}: token {} is \"{}\" there and \"{}\" here; take its "
                       "tokenizer",
                       key, folder, id, config::printable(there), config::printable(here)));
}

void require_teacher(const Distillation& how, const Experiment& teacher, const Experiment& e) {
  require_same_task("distil.teacher", how.teacher, teacher, e);
  const index most = teacher.task->shape().length, length = e.task->shape().length;
  if (length > most)
    fail(Exit::usage, fmt::format("distil.teacher = {}: it was trained on sequences of {} tokens; "
                                  "set data.length = {} or less",
                                  how.teacher, most, most));
}

double number(const RunFile& file, const std::string& name) {
  const auto at = file.attributes().find(name);
  if (at == file.attributes().end()) return 0;
  const double* value = std::get_if<double>(&at->second);
  return value == nullptr ? 0 : *value;
}

// Records what was trained before: by the source, and by what that was made from.
void record_cost(RunFile& file, const Experiment& source, const RunFile& records, index step) {
  const double tokens = static_cast<double>(step) * static_cast<double>(source.trainer->batch()) *
                        static_cast<double>(source.task->shape().length);
  file.attribute("tokens_before", tokens + number(records, "tokens_before"));
  file.attribute("flops_before",
                 tokens * source.model->flops_per_token() + number(records, "flops_before"));
}

}  // namespace

LoadedRun load_run(const std::string& folder, const std::string& wanted, DataOf data, int threads,
                   const std::function<void(const Experiment&)>& require) {
  const StoredRun run = read_stored_run(folder);
  require_threads(threads);
  std::string problem;
  for (const CheckpointInfo& info : candidates(folder, run, wanted)) {
    try {
      const Checkpoint checkpoint = read_checkpoint(folder, info.step);
      Experiment e = build_for(checkpoint, run.spec, data, threads);
      if (require) require(e);
      e.trainer->start();
      load_checkpoint(checkpoint, *e.trainer);
      return {info, std::move(e)};
    } catch (const Error& error) {
      if (error.code() != Exit::data) throw;  // not damage, such as lack of memory
      problem = error.what();
      std::cerr << "warning: " << problem << "; passed over\n";
    }
  }
  fail(Exit::data, folder + ": no checkpoint can be used; the last: " + problem);
}

void require_sources(const Experiment& e, int threads) {
  if (const Start& start = e.trainer->beginning(); !start.from.empty())
    load_run(start.from, start.checkpoint, DataOf::checkpoint, threads, {});
  if (const Distillation& how = e.trainer->distillation(); how.any())
    load_run(how.teacher, how.checkpoint, DataOf::checkpoint, threads,
             [&](const Experiment& t) { require_teacher(how, t, e); });
}

void take_start(Experiment& e, int threads, const std::function<void(const std::string&)>& say) {
  const Start& start = e.trainer->beginning();
  const Started done = e.trainer->take_start();
  if (done.summary.empty()) return;
  say(done.summary);
  RunFile& file = e.recorder->file();
  file.attribute("init_step", static_cast<std::int64_t>(done.step));
  file.attribute("init_weights_sha256", done.weights_sha256);
  LoadedRun source = load_run(start.from, std::to_string(done.step), DataOf::checkpoint, threads,
                              [](const Experiment&) {});
  record_cost(file, source.e, read_records(start.from, read_checkpoint(start.from, done.step)),
              done.step);
  if (start.method == Start::Method::same) return;
  require_same_task("init.from", start.from, source.e, e);
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
      load_run(how.teacher, how.checkpoint, DataOf::checkpoint, threads,
               [&](const Experiment& t) { require_teacher(how, t, e); }));
  const std::string weights = read_checkpoint(how.teacher, teacher->info.step).weights;
  const std::string sha256 = sha256_hex(weights.data(), weights.size());
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
