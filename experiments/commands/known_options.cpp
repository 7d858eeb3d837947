#include "experiments/commands/known_options.hpp"

#include "experiments/sweep/experiment.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"

namespace moesim {
namespace {

using Known = std::map<std::string, OptionInfo>;

// Joins distinct texts.
void join(std::string& all, const std::string& other) {
  if (other.empty() || all == other) return;
  all += (all.empty() ? "" : " or ") + other;
}

// Merges options of the same name, which two data sets may have.
void add(Known& known, const Settings& settings) {
  for (const auto& [key, info] : settings.declared()) {
    const auto [place, is_new] = known.emplace(key, info);
    OptionInfo& old = place->second;
    if (is_new || old.help.find(info.help) != old.help.npos) continue;
    join(old.default_value, info.default_value);
    join(old.range, info.range);
    old.help += "; or " + info.help;
  }
}

// Collects the options that `read` declares, even if it throws.
template <class Read>
void collect(Known& known, const std::string& section, Read read, Settings settings = {}) {
  Options options(settings, section);
  try {
    read(options);
  } catch (const Error&) {
    // It needs files, labels or another site, but has declared its options.
  }
  add(known, settings);
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

std::vector<std::string> router_names() { return Registry<Router>::names(); }

std::map<std::string, OptionInfo> known_options() {
  Known known;
  DataCache cache;
  for (const char* optimiser : {"adamw", "sgd"}) {
    RunSpec spec;
    spec.settings = chosen("train.optimiser", optimiser);
    spec.settings.set("train.restarts", "1", "list");  // declared only where it is set
    add(known, build(std::move(spec), 1, cache).spec.settings);
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
            [&make = plugin.make](Options& router) { make(ordinary_site(), router); });
  for (const auto& [name, plugin] : Registry<Expert>::all())
    for (const char* section : {"expert.", "feed_forward."})
      collect(known, section + name, [&make = plugin.make](Options& expert) {
        make({64, 8, 256, 1}, expert);
      });
  return known;
}

}  // namespace moesim
