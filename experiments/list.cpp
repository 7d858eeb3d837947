// moesim list: what there is to choose from. Options are found by building everything once with its
// defaults.
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace moesim {
namespace {

using Rows = std::vector<std::vector<std::string>>;

void print(const Rows& rows, const std::vector<std::string>& head, bool json) {
  if (json) {
    nlohmann::json list = nlohmann::json::array();
    for (const auto& row : rows) {
      nlohmann::json object;
      for (std::size_t i = 0; i < head.size(); ++i) object[head[i]] = row[i];
      list.push_back(object);
    }
    std::cout << list.dump(2) << '\n';
    return;
  }
  std::vector<std::size_t> width(head.size());
  for (std::size_t i = 0; i < head.size(); ++i) {
    width[i] = head[i].size();
    for (const auto& row : rows) width[i] = std::max(width[i], row[i].size());
  }
  const auto line = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i)
      std::cout << row[i]
                << (i + 1 < row.size() ? std::string(width[i] - row[i].size() + 2, ' ') : "\n");
  };
  line(head);
  for (const auto& row : rows) line(row);
}

// Sees, look-ahead and options of every plug-in come from building it on an ordinary site.
Site ordinary_site() {
  Site site;
  site.width = 64, site.experts = 8, site.batch = 16, site.length = 64, site.vocabulary = 64;
  return site;
}

Rows routers() {
  Rows rows;
  for (const auto& [name, plugin] : Registry<Router>::all()) {
    Settings settings;
    Options options(settings, "router." + name);
    const auto router = plugin.make(ordinary_site(), options);
    rows.push_back(
        {name, to_string(router->sees()), router->looks_ahead() ? "yes" : "no", plugin.summary});
  }
  return rows;
}

Rows options() {
  std::map<std::string, OptionInfo> declared;
  const auto collect = [&](const Settings& settings) {
    for (const auto& [key, info] : settings.declared()) declared.emplace(key, info);
  };
  DataCache cache;
  for (const char* optimiser : {"adamw", "sgd"}) {
    RunSpec spec;
    spec.settings.set("train.optimiser", optimiser, "list");
    collect(build(std::move(spec), 1, cache).spec.settings);
  }
  RunSpec masked;
  masked.settings.set("task.name", "masked_lm", "list");
  collect(build(std::move(masked), 1, cache).spec.settings);
  for (const auto& [name, summary] : dataset_summaries()) {
    Settings settings;
    settings.set("data.name", name, "list");
    Options data(settings, "data");
    try {
      make_dataset(data);
    } catch (const Error&) {
      // Without its files a data set cannot be built, but it has read its options.
    }
    collect(settings);
  }
  for (const auto& [name, plugin] : Registry<Router>::all()) {
    Settings settings;
    Options router(settings, "router." + name);
    plugin.make(ordinary_site(), router);
    collect(settings);
  }
  for (const auto& [name, plugin] : Registry<Expert>::all()) {
    Settings settings;
    Options expert(settings, "expert." + name);
    plugin.make({64, 8, 256, 1}, expert);
    collect(settings);
  }
  Rows rows;
  for (const auto& [key, info] : declared)
    rows.push_back({key, info.default_value, info.range, info.help});
  return rows;
}

Rows pairs(const std::vector<std::pair<std::string, std::string>>& named) {
  Rows rows;
  for (const auto& [name, summary] : named) rows.push_back({name, summary});
  return rows;
}

}  // namespace

int list_command(const Words& words) {
  Arguments arguments("list routers|experts|tasks|datasets|options [PATTERN]",
                      "What there is to choose from. PATTERN keeps the rows that contain it.");
  arguments.flag("json", "print one JSON document");
  if (!arguments.parse(words)) return 0;
  const std::vector<std::string> kinds = {"routers", "experts", "tasks", "datasets", "options"};
  if (arguments.rest().empty())
    fail(Exit::usage, "command line: list what? choose one of " + joined(kinds));
  const std::string kind = arguments.rest()[0];
  Rows rows;
  std::vector<std::string> head = {"name", "summary"};
  if (kind == "routers") {
    rows = routers();
    head = {"name", "sees", "looks_ahead", "summary"};
  } else if (kind == "experts") {
    for (const auto& [name, plugin] : Registry<Expert>::all())
      rows.push_back({name, plugin.summary});
  } else if (kind == "tasks") {
    rows = pairs(task_summaries());
  } else if (kind == "datasets") {
    rows = pairs(dataset_summaries());
  } else if (kind == "options") {
    rows = options();
    head = {"option", "default", "range", "help"};
  } else {
    const std::string near = nearest(kind, kinds);
    fail(Exit::usage,
         "command line: list " + kind + ": " +
             (near.empty() ? "choose one of " + joined(kinds) : "did you mean " + near + "?"));
  }
  if (arguments.rest().size() > 1) {
    const std::string& pattern = arguments.rest()[1];
    std::erase_if(rows, [&](const auto& row) {
      return std::none_of(row.begin(), row.end(), [&](const std::string& cell) {
        return cell.find(pattern) != std::string::npos;
      });
    });
  }
  print(rows, head, arguments.has("json"));
  return 0;
}

}  // namespace moesim
