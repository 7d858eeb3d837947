// Makes a plan from run specifications.
#include "experiments/sweep/child.hpp"
#include "experiments/sweep/dense_steps.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/sweep/idle_options.hpp"
#include "experiments/sweep/plan.hpp"
#include "experiments/sweep/resources.hpp"
#include "experiments/sweep/run_notes.hpp"
#include "sim/backend/stand_in.hpp"
#include "sim/config/number_text.hpp"
#include "sim/core/error.hpp"
#include "sim/train/parameter_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <set>

namespace moesim {
namespace {

// Notes lists that could be one number, once each.
void mention_lists(const RunSpec& spec, const Settings& read, std::set<std::string>& mentioned) {
  for (const auto& [key, setting] : spec.settings.values()) {
    const auto declared = read.declared().find(key);
    if (declared == read.declared().end()) continue;
    const std::string& type = declared->second.type;
    const bool whole = type == "integer";
    if ((!whole && type != "number") || !config::is_doubtful(setting.list, whole) ||
        !mentioned.insert(key).second)
      continue;
    std::cerr << fmt::format("note: {}: {} = {} is a list of two; one number is {}\n",
                             setting.origin, key, setting.list,
                             config::meant_number(setting.list, whole));
  }
}

// Notes duplicate runs, counted by the label of the run that is kept.
void mention_repeated(const std::map<std::string, std::size_t>& repeated, std::size_t all) {
  constexpr std::size_t kMostNamed = 5;
  std::size_t count = 0;
  std::vector<std::string> arms;
  for (const auto& [label, times] : repeated) {
    count += times;
    if (arms.size() < kMostNamed) arms.push_back(label);
  }
  if (count == 0) return;
  std::cerr << fmt::format(
      "note: {} of {} runs {} left out: what varies makes no difference to {}{}\n", count, all,
      count == 1 ? "is" : "are", joined(arms),
      repeated.size() > kMostNamed ? fmt::format(" and {} more", repeated.size() - kMostNamed)
                                   : "");
}

Plan build_all(const std::vector<RunSpec>& specs, int threads, bool mention) {
  DataCache data = DataCache::for_plans(user_memory());
  Plan plan;
  std::set<std::string> mentioned;
  std::map<std::string, std::size_t> repeated;
  IdleOptions idle;
  for (const RunSpec& spec : specs) {
    const Experiment e = build(spec, threads, data, stand_in);
    if (!plan.runs.empty() && plan.experiment != e.run.name)
      fail(Exit::usage, "run.name is the name of the whole experiment; vary something else");
    plan.experiment = e.run.name;
    if (const std::string& note = e.data->info().note;
        mention && !note.empty() && mentioned.insert("data " + note).second)
      std::cerr << "note: data: " << note << '\n';
    if (const std::string said = documents_text(e.data->info().documents);
        mention && !said.empty() && mentioned.insert(said).second)
      std::cerr << fmt::format("note: {}: {}\n", spec.label, said);
    if (const std::vector<Parameter>& all = e.trainer->parameters();
        mention && std::all_of(all.begin(), all.end(), [](auto& p) { return p.frozen; }) &&
        mentioned.insert("frozen").second)
      std::cerr << fmt::format("note: {}: {}\n", spec.label, trained_text(all));
    if (const std::string said = dense_steps_text(*e.trainer);
        mention && !said.empty() && mentioned.insert(said).second)
      std::cerr << fmt::format("note: {}: {}\n", spec.label, said);
    if (mention && e.model->adapters() != nullptr && e.trainer->beginning().from.empty() &&
        e.run.made.empty() && mentioned.insert("adapters").second)
      std::cerr << fmt::format("note: {}: adapts random matrices, because init.from is empty\n",
                               spec.label);
    if (const std::string said =
            e.model->adapters() == nullptr ? "" : rank_text(*e.model->adapters());
        mention && !said.empty() && mentioned.insert(said).second)
      std::cerr << fmt::format("note: {}: {}\n", spec.label, said);
    if (mention) mention_lists(spec, e.spec.settings, mentioned);
    PlannedRun run;
    run.spec = e.spec;  // has data.root as an absolute path
    run.folder = e.identity.folder;
    run.seed = e.run.seed;
    run.config_sha256 = e.identity.config_sha256;
    run.data_sha256 = e.identity.data_sha256;
    run.steps = e.trainer->steps();
    run.parameters_total = count(e.model->parameters());
    run.parameters_active = e.model->active_parameters();
    run.flops_per_token = e.model->flops_per_token();
    run.hidden = e.model->expert_hidden();
    run.least_bytes = least_memory(e);
    run.resolved = e.identity.resolved;
    const Settings& read = e.spec.settings;
    run.explained = read.explained();
    for (const std::string& key : read.order())
      if (const OptionInfo& info = read.declared().at(key); !info.former)
        run.options.push_back({key, read.effective(key), info.default_value, info.help});
    idle.add(spec.settings, run.options);
    const auto same = std::find_if(plan.runs.begin(), plan.runs.end(), [&](const auto& other) {
      return other.config_sha256 == run.config_sha256 && other.data_sha256 == run.data_sha256;
    });
    if (same == plan.runs.end())
      plan.runs.push_back(std::move(run));
    else
      ++repeated[same->spec.label];
  }
  if (!mention) return plan;
  for (const std::string& note : idle.notes()) std::cerr << "note: " << note << '\n';
  mention_repeated(repeated, specs.size());
  return plan;
}

}  // namespace

Plan make_plan(const std::vector<RunSpec>& specs, int threads, bool mention) {
  const auto built = [&] { return to_json(build_all(specs, threads, mention), true); };
  try {
    return parse_plan(in_child("plans the runs", built).text);
  } catch (const Error& error) {
    if (error.code() != Exit::interrupted) throw;
    fail(Exit::interrupted,
         fmt::format("stopped with 0 of {} runs done; run it again to resume", specs.size()));
  }
}

}  // namespace moesim
