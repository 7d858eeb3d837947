#include "experiments/sweep/loaded_run.hpp"

#include "experiments/sweep/child.hpp"
#include "experiments/sweep/process_limits.hpp"
#include "experiments/sweep/stored_run.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/checkpoint/records.hpp"
#include "sim/config/source_runs.hpp"
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

// What to do about a run without a checkpoint that can be used.
std::string advice_for(const StoredRun& run) {
  return run.spec.settings.values().contains("run.made") ? kMakeAgain : "train it first";
}

// The checkpoints of this run, in order of preference.
std::vector<CheckpointInfo> candidates(const std::string& folder, const StoredRun& run,
                                       const std::string& wanted, const RunNames& names) {
  std::vector<CheckpointInfo> all =
      within([&] { return names.folder + folder; }, [&] { return intact_infos(folder); });
  const std::size_t found = all.size();
  std::erase_if(
      all, [&](const CheckpointInfo& info) { return info.config_sha256 != run.config_sha256; });
  if (all.empty())
    fail(Exit::data, names.folder + folder +
                         (found == 0 ? ": no checkpoint; " + advice_for(run)
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
    fail(Exit::usage, names.checkpoint + " " + config::printable(wanted) +
                          ": choose newest, best or one of the steps " + joined(steps));
  return all;
}

// Checkpoints of older versions store no data set; then the data are read.
Experiment build_for(const Checkpoint& checkpoint, const RunSpec& spec, DataOf source, int threads,
                     MakeBackend make) {
  if (source == DataOf::checkpoint)
    if (const auto data = data_of(checkpoint)) return build_stored(spec, threads, data, make);
  DataCache cache;
  Experiment e = build(spec, threads, cache, make);
  if (e.identity.data_sha256 != checkpoint.info.data_sha256)
    fail(Exit::data, checkpoint.path + ": the data changed since it was trained");
  return e;
}

}  // namespace

LoadedRun open_run(const Wanted& wanted, DataOf data, int threads, MakeBackend make,
                   const std::function<void(const Checkpoint&, Experiment&)>& use) {
  const std::string name = wanted.names.folder + wanted.folder;
  if (!wanted.names.folder.empty()) require_one_folder(wanted.names.folder, wanted.folder);
  const StoredRun run = [&] {
    try {
      return read_stored_run(wanted.folder);
    } catch (const Error& problem) {
      fail(problem.code(), wanted.names.folder + problem.what());
    }
  }();
  std::string problem;
  for (const CheckpointInfo& info :
       candidates(wanted.folder, run, wanted.checkpoint, wanted.names)) {
    try {
      const Checkpoint checkpoint = read_checkpoint(wanted.folder, info.step, wanted.parts);
      Experiment e = build_for(checkpoint, run.spec, data, threads, make);
      use(checkpoint, e);
      return {info, std::move(e), sha256_hex(checkpoint.weights.data(), checkpoint.weights.size())};
    } catch (const Error& error) {
      if (error.code() != Exit::data) throw;  // not damage, such as lack of memory
      problem = error.what();
      std::cerr << "warning: " << problem << "; passed over\n";
    }
  }
  fail(Exit::data, name + ": no checkpoint can be used; the last: " + problem);
}

LoadedRun load_run(const Wanted& wanted, DataOf data, int threads,
                   const std::function<void(const Experiment&)>& require) {
  require_threads(threads);
  return open_run(wanted, data, threads, make_backend,
                  [&](const Checkpoint& checkpoint, Experiment& e) {
                    if (require) require(e);
                    e.trainer->start();
                    if (wanted.parts == CheckpointParts::all)
                      load_checkpoint(checkpoint, *e.trainer);
                    else
                      load_weights(checkpoint, *e.trainer);
                  });
}

void require_causal(const std::string& folder, const Experiment& e) {
  if (e.task->shape().vocabulary == 0 || !e.task->shape().causal)
    fail(Exit::usage, folder + ": only runs with task.name = causal_lm continue a text");
}

}  // namespace moesim
