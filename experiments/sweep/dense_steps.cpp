#include "experiments/sweep/dense_steps.hpp"

#include "sim/backend/stand_in.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {

std::string dense_steps_text(const Trainer& trainer) {
  const index steps = trainer.beginning().dense_steps;
  if (steps == 0) return {};
  return fmt::format(
      "the first {} of {} steps train router.name = dense; its networks then become "
      "experts",
      steps, trainer.steps());
}

std::string dense_folder(const std::string& run_folder) { return run_folder + "/dense"; }

Experiment build_dense(const Experiment& e, DataCache& data) {
  RunSpec spec;
  for (const auto& [key, setting] : e.spec.settings.values())
    if (!key.starts_with("init.")) spec.settings.set(key, setting);
  spec.settings.set("router.name", "dense", "init.at");
  spec.label = run_label(spec);
  return within([] { return "init.at: the dense steps"; },
                [&] { return build(spec, e.backend->threads(), data, stand_in); });
}

namespace {

// The attempt that trains the dense steps.
Attempt dense_attempt(const Attempt& whole, const Experiment& e) {
  DataCache data;
  const Experiment dense = build_dense(e, data);
  Attempt attempt = whole;
  attempt.run.spec = dense.spec;
  attempt.run.folder = "dense";
  attempt.run.config_sha256 = dense.identity.config_sha256;
  attempt.run.data_sha256 = dense.identity.data_sha256;
  attempt.folder = dense_folder(whole.folder);
  attempt.prefix += " (dense)";
  attempt.until = e.trainer->beginning().dense_steps;
  return attempt;
}

}  // namespace

Ending train_dense_steps(const Attempt& whole, const Experiment& e, const Show& show) {
  if (e.trainer->beginning().dense_steps == 0 || !checkpoint_steps(whole.folder).empty()) return {};
  Ending dense = train_run(dense_attempt(whole, e), show);
  if (dense.code != Exit::ok && dense.code != Exit::interrupted)
    fail(dense.code, "init.at: the dense steps: " + dense.message);
  return dense;
}

bool has_steps(const Attempt& attempt) {
  if (attempt.until == 0 || attempt.force) return false;
  const std::vector<CheckpointInfo> all = checkpoint_infos(attempt.folder);
  return std::any_of(all.begin(), all.end(), [&](const CheckpointInfo& info) {
    return info.step == attempt.until && info.config_sha256 == attempt.run.config_sha256 &&
           info.data_sha256 == attempt.run.data_sha256;
  });
}

}  // namespace moesim
