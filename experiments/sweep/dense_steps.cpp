#include "experiments/sweep/dense_steps.hpp"

#include "analysis/runs/dense_part.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/checkpoint/checkpoint.hpp"
#include "sim/config/name_patterns.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

namespace moesim {

std::string dense_steps_text(const Trainer& trainer) {
  const index steps = trainer.beginning().dense_steps;
  if (steps == 0) return {};
  return fmt::format(
      "the first {} of {} steps train router.name = dense; its networks then become "
      "experts",
      steps, trainer.steps());
}

namespace {

// The items of a list of patterns that match a parameter: "*.moe.*", "!head", "embedding:0.5".
std::string items_with_match(const std::string& items, const std::vector<Parameter>& parameters) {
  std::string kept;
  for (const std::string& item : words_of(items)) {
    const std::size_t begin = item.front() == '!' ? 1 : 0;
    const std::string pattern = item.substr(begin, item.rfind(':') - begin);
    if (std::any_of(parameters.begin(), parameters.end(),
                    [&](const Parameter& p) { return matches_name(pattern, p.name); }))
      kept += (kept.empty() ? "" : " ") + item;
  }
  return kept;
}

}  // namespace

Experiment build_dense(const Experiment& e, DataCache& data) {
  const std::map<std::string, Setting>& all = e.spec.settings.values();
  RunSpec spec;
  for (const auto& [key, setting] : all)
    if (!key.starts_with("init.") && !key.starts_with("freeze.")) spec.settings.set(key, setting);
  spec.settings.set("router.name", "dense", "init.at");
  const auto built = [&] { return build(spec, e.backend->threads(), data, stand_in); };
  // Patterns without a match in the dense model have no effect in these steps. Rates and decays are
  // of trained parameters, which freeze.parameters determines.
  const auto keep = [&](const char* key, bool trained) {
    const auto found = all.find(key);
    if (found == all.end()) return;
    std::vector<Parameter> parameters = built().trainer->parameters();
    if (trained) std::erase_if(parameters, [](const Parameter& p) { return p.frozen; });
    Setting setting = found->second;
    setting.value = items_with_match(setting.value, parameters);
    if (!setting.value.empty()) spec.settings.set(key, setting);
  };
  return within([] { return "init.at: the dense steps"; },
                [&] {
                  keep("freeze.parameters", false);
                  keep("freeze.rate", true), keep("freeze.decay", true);
                  spec.label = run_label(spec);
                  return built();
                });
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

Ending train_dense_steps(const Attempt& whole, Experiment& e, const Show& show) {
  if (e.trainer->beginning().dense_steps == 0 || !checkpoint_steps(whole.folder).empty()) return {};
  e.recorder->publish("running");
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
