// moesim list: lists routers, experts, tasks, data sets and options.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/known_options.hpp"
#include "experiments/sweep/experiment.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/synonyms.hpp"
#include "sim/config/text.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>

namespace moesim {
namespace {

using TextRows = std::vector<std::vector<std::string>>;

void print(const TextRows& rows, const std::vector<std::string>& head, bool json) {
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
    std::size_t before = 0;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) {
      std::cout << row[i] << std::string(width[i] - row[i].size() + 2, ' ');
      before += width[i] + 2;
    }
    std::cout << wrapped(row.back(), text_width(), before) << '\n';
  };
  line(head);
  for (const auto& row : rows) line(row);
}

TextRows routers() {
  TextRows rows;
  for (const auto& [name, plugin] : Registry<Router>::all()) {
    Settings settings;
    Options options(settings, "router." + name);
    const auto router = plugin.make(ordinary_site(), options);
    const Sees sees = router->traits().sees;
    rows.push_back({name, to_string(sees), sees.later_tokens ? "yes" : "no", plugin.summary});
  }
  return rows;
}

TextRows options() {
  TextRows rows;
  for (const auto& [key, info] : known_options())
    rows.push_back({key, info.default_value, info.range, info.help});
  return rows;
}

// "0 .. 1099511627776" -> "0 or more": hides limits that no experiment reaches.
std::string readable_range(const std::string& range) {
  constexpr double kBeyond = 1e9;
  const std::size_t dots = range.find(" .. ");
  if (range.starts_with(">= ")) return range.substr(3) + " or more";
  if (dots == range.npos) return range;
  const std::string low = range.substr(0, dots), rest = range.substr(dots + 4);
  double high = 0;
  const bool is_number = config::parse(rest, high) == std::errc{};
  return is_number && high >= kBeyond ? low + " or more" : low + " to " + rest;
}

// Prints options section by section: name and default as in a config file, then help and range.
void print_options(const TextRows& rows) {
  std::size_t width = 0;
  for (const auto& row : rows)
    width = std::max(width, config::short_key(row[0]).size() + 3 + row[1].size());
  width = std::min<std::size_t>(width, 36) + 4;
  std::string section;
  for (const auto& row : rows) {
    if (const std::string own = config::section_of(row[0]); own != section) {
      std::cout << (section.empty() ? "" : "\n") << '[' << own << "]\n";
      section = own;
    }
    const std::string setting =
        "  " + config::short_key(row[0]) + " =" + (row[1].empty() ? "" : " " + row[1]);
    std::cout << setting
              << (setting.size() + 2 <= width ? std::string(width - setting.size(), ' ')
                                              : "\n" + std::string(width, ' '))
              << wrapped(row[3] + (row[2].empty() ? "" : " (" + readable_range(row[2]) + ")"),
                         text_width(), width)
              << '\n';
  }
}

// The name of a row, a section of options or a part of these that is nearest to the pattern; "" if
// none is near.
std::string nearest_row(const std::string& pattern, const TextRows& rows) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    names.push_back(row[0]);
    if (row[0].find('.') == row[0].npos) continue;
    names.push_back(config::section_of(row[0]));
    names.push_back(config::short_key(names.back()));
    names.push_back(config::short_key(row[0]));
  }
  return nearest(pattern, names);
}

// Keeps the rows that contain the pattern; an option also goes by its other names, "lr" for
// train.rate. Throws Exit::usage if there is none.
TextRows matching(const TextRows& rows, const std::string& pattern, const std::string& kind) {
  const std::string meant = config::meant_setting(pattern);
  const std::string name = meant.substr(0, meant.find('='));
  TextRows found;
  for (const auto& row : rows)
    if (row[0] == name || std::any_of(row.begin(), row.end(), [&](const std::string& cell) {
          return cell.find(pattern) != std::string::npos;
        }))
      found.push_back(row);
  if (!found.empty()) return found;
  const std::string near = nearest_row(pattern, rows);
  fail(Exit::usage, "command line: list " + kind + " " + config::shown_value(pattern) +
                        ": none contains this; " +
                        (near.empty() ? "see moesim list " + kind : "did you mean " + near + "?"));
}

TextRows pairs(const std::vector<std::pair<std::string, std::string>>& named) {
  TextRows rows;
  for (const auto& [name, summary] : named) rows.push_back({name, summary});
  return rows;
}

}  // namespace

Arguments list_arguments() {
  Arguments arguments(
      "list routers|experts|tasks|datasets|options [PATTERN]",
      "Lists routers, experts, tasks, data sets or options. PATTERN: only rows that contain it.");
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
  TextRows rows;
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
    config::require_choice("list", kind, kinds);
  }
  if (arguments.rest().size() > 1) rows = matching(rows, arguments.rest()[1], kind);
  if (kind == "options" && !arguments.has("json"))
    print_options(rows);
  else
    print(rows, head, arguments.has("json"));
  return 0;
}

}  // namespace moesim
