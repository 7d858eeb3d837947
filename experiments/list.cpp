// moesim list: what there is to choose from.
#include "experiments/arguments.hpp"
#include "experiments/commands.hpp"
#include "experiments/experiment.hpp"
#include "experiments/known_options.hpp"
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
  Rows rows;
  for (const auto& [key, info] : known_options())
    rows.push_back({key, info.default_value, info.range, info.help});
  return rows;
}

Rows pairs(const std::vector<std::pair<std::string, std::string>>& named) {
  Rows rows;
  for (const auto& [name, summary] : named) rows.push_back({name, summary});
  return rows;
}

}  // namespace

Arguments list_arguments() {
  Arguments arguments("list routers|experts|tasks|datasets|options [PATTERN]",
                      "What there is to choose from. PATTERN keeps the rows that contain it.");
  arguments.flag("json", "print one JSON document");
  return arguments;
}

int list_command(const Words& words) {
  Arguments arguments = list_arguments();
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
