#include "experiments/known_options.hpp"

#include "experiments/experiment.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"

namespace moesim {
namespace {

// What `read` declares, whether it comes to its end or not.
template <class Read>
void collect(std::map<std::string, OptionInfo>& known, const std::string& section, Read read,
             Settings settings = {}) {
  Options options(settings, section);
  try {
    read(options);
  } catch (const Error&) {
    // It needs files, labels or another site; it has declared its options.
  }
  for (const auto& [key, info] : settings.declared()) known.emplace(key, info);
}

Settings chosen(const std::string& key, const std::string& value) {
  Settings settings;
  settings.set(key, value, "list");
  return settings;
}

}  // namespace

Site ordinary_site() {
  Site site;
  site.width = 64, site.experts = 8, site.batch = 16, site.length = 64, site.vocabulary = 64;
  return site;
}

std::map<std::string, OptionInfo> known_options() {
  std::map<std::string, OptionInfo> known;
  DataCache cache;
  for (const char* optimiser : {"adamw", "sgd"}) {
    RunSpec spec;
    spec.settings = chosen("train.optimiser", optimiser);
    const Experiment experiment = build(std::move(spec), 1, cache);
    for (const auto& [key, info] : experiment.spec.settings.declared()) known.emplace(key, info);
  }
  for (const auto& [name, summary] : task_summaries())
    collect(
        known, "task",
        [](Options& task) {
          DatasetInfo info;
          info.length = info.vocabulary = 64;
          make_task(task, info);
        },
        chosen("task.name", name));
  for (const auto& [name, summary] : dataset_summaries())
    collect(
        known, "data", [](Options& data) { make_dataset(data); }, chosen("data.name", name));
  for (const auto& [name, plugin] : Registry<Router>::all())
    collect(known, "router." + name,
            [&](Options& router) { plugin.make(ordinary_site(), router); });
  for (const auto& [name, plugin] : Registry<Expert>::all())
    collect(known, "expert." + name, [&](Options& expert) {
      plugin.make({64, 8, 256, 1}, expert);
    });
  return known;
}

}  // namespace moesim
