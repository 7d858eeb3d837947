#include "sim/config/sweep.hpp"

#include "sim/config/arms.hpp"
#include "sim/config/list.hpp"
#include "sim/config/overrides.hpp"
#include "sim/config/source_runs.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace moesim {
namespace {

using config::Place;

constexpr std::size_t kMostRuns = 10000;
constexpr std::size_t kMostConditions = 1000;
constexpr std::size_t kMostBytes = std::size_t{256} << 20;  // for the settings of all runs

// One point of an axis: the settings that it makes.
struct Point {
  std::string variant;
  std::vector<std::pair<std::string, Setting>> values;
};

// Checks that a key belongs to one axis: [sweep], one zip, or the variants (any number of them).
void check_disjoint(const ConfigFile& plan) {
  struct Owner {
    std::string section;
    std::string origin;
  };
  std::map<std::string, Owner> owners;
  const auto claim = [&owners](const std::string& key, const std::string& value,
                               const Owner& owner) {
    const auto [first, is_new] = owners.try_emplace(key, owner);
    const bool both_variants =
        first->second.section.starts_with("variant.") && owner.section.starts_with("variant.");
    if (!is_new && !both_variants)
      Place{owner.origin, key, value}.reject(
          fmt::format("varied twice, also in [{}] ({}); keep one", first->second.section,
                      first->second.origin));
  };
  for (const ConfigFile::Variant& variant : plan.variants)
    for (const auto& [key, setting] : variant.values)
      claim(key, setting.value, {"variant." + variant.name, setting.origin});
  for (const ConfigFile::Zip& zip : plan.zips)
    for (const ConfigFile::Axis& column : zip.columns)
      claim(column.key, joined(column.items), {"zip." + zip.name, column.origin});
  for (const ConfigFile::Axis& axis : plan.sweep)
    claim(axis.key, joined(axis.items), {"sweep", axis.origin});
}

// Rejects equal points, which would be the same runs.
void check_distinct_points(const ConfigFile& plan) {
  for (const ConfigFile::Zip& zip : plan.zips) {
    std::set<std::string> rows;
    for (std::size_t i = 0; i < zip.columns.front().items.size(); ++i) {
      std::string row;
      for (const ConfigFile::Axis& column : zip.columns)
        row += config::canonical(column.items[i]) + '\n';
      if (!rows.insert(row).second)
        fail(Exit::usage, fmt::format("{}: [zip.{}]: row {} repeats an earlier one; remove it",
                                      zip.origin, zip.name, i + 1));
    }
  }
  for (const ConfigFile::Axis& axis : plan.sweep)
    config::check_distinct({axis.origin, axis.key, joined(axis.items)}, axis.items);
}

// All axes of the sweep, the slowest first.
std::vector<std::vector<Point>> axes_of(const ConfigFile& plan) {
  std::vector<std::vector<Point>> axes;
  if (!plan.variants.empty()) {
    axes.emplace_back();
    for (const ConfigFile::Variant& variant : plan.variants)
      axes.back().push_back({variant.name, {variant.values.begin(), variant.values.end()}});
  }
  for (const ConfigFile::Zip& zip : plan.zips) {
    std::vector<Point> points(zip.columns.front().items.size());
    for (const ConfigFile::Axis& column : zip.columns)
      for (std::size_t i = 0; i < points.size(); ++i)
        points[i].values.push_back({column.key, column.setting(column.items[i])});
    axes.push_back(std::move(points));
  }
  for (const ConfigFile::Axis& axis : plan.sweep) {
    axes.emplace_back();
    for (const std::string& item : axis.items)
      axes.back().push_back({"", {{axis.key, axis.setting(item)}}});
  }
  return axes;
}

std::size_t count_combinations(const std::string& path,
                               const std::vector<std::vector<Point>>& axes) {
  std::size_t count = 1;
  for (const std::vector<Point>& axis : axes) {
    if (axis.size() > kMostRuns / count)
      fail(Exit::usage,
           fmt::format("{}: the sweep has more than {} runs; shorten its lists or split it", path,
                       kMostRuns));
    count *= axis.size();
  }
  return count;
}

// The run of combination number `number` of the axes, on top of the plain values.
RunSpec combine(const Settings& plain, const std::vector<std::vector<Point>>& axes,
                std::size_t number) {
  std::vector<const Point*> points(axes.size());
  for (std::size_t i = axes.size(); i-- > 0; number /= axes[i].size())
    points[i] = &axes[i][number % axes[i].size()];

  RunSpec run;
  run.settings = plain;
  for (const Point* point : points)
    for (const auto& [key, setting] : point->values) run.settings.unset(config::synonym_of(key));
  for (const Point* point : points) {
    if (!point->variant.empty()) run.variant = point->variant;
    for (const auto& [key, setting] : point->values) {
      run.settings.set(key, setting);
      if (point->variant.empty() && key != "run.seed") run.varied.emplace_back(key, setting.value);
    }
  }
  return run;
}

bool is_excluded(const RunSpec& run, const std::vector<ConfigFile::Exclusion>& exclusions) {
  const std::map<std::string, Setting>& values = run.settings.values();
  return std::any_of(exclusions.begin(), exclusions.end(), [&values](const auto& exclusion) {
    return std::all_of(exclusion.terms.begin(), exclusion.terms.end(), [&values](const auto& term) {
      const auto found = values.find(term.first);
      return found != values.end() &&
             config::canonical(found->second.value) == config::canonical(term.second);
    });
  });
}

void check_name(const RunSpec& run) {
  const auto name = run.settings.values().find("run.name");
  if (name != run.settings.values().end() && !config::is_name(name->second.value))
    Place{name->second.origin, "run.name", name->second.value}.reject(
        "names a folder; use 1 to 64 letters, digits, '_', '-' and '.'");
}

// Rejects variants that have become equal because the command line replaced the settings in which
// they differed. `replaced`: the notes about those.
void check_variants_differ(const std::vector<RunSpec>& runs, const std::string& replaced) {
  std::map<std::string, const RunSpec*> first;  // by settings
  for (const RunSpec& run : runs) {
    std::string settings;
    for (const auto& [key, setting] : run.settings.values())
      settings += key + "=" + config::canonical(setting.value) + "\n";
    const auto [same, is_new] = first.emplace(std::move(settings), &run);
    if (!is_new && same->second->variant != run.variant)
      fail(Exit::usage,
           fmt::format("{}, which makes the variants {} and {} equal; choose arms with --arm NAME, "
                       "or change one alone: --arm 'NAME:key=value'",
                       replaced, same->second->variant, run.variant));
  }
}

// The approximate memory of a run's settings, in bytes.
std::size_t weight(const RunSpec& run) {
  constexpr std::size_t kNode = 160;
  std::size_t bytes = 0;
  for (const auto& [key, setting] : run.settings.values())
    bytes +=
        kNode + key.size() + setting.value.size() + setting.origin.size() + setting.list.size();
  for (const auto& [key, value] : run.varied) bytes += kNode + 2 * (key.size() + value.size());
  return bytes;
}

}  // namespace

std::vector<RunSpec> expand(const ConfigFile& file, const CommandLine& line,
                            std::vector<std::string>* notes) {
  ConfigFile plan = file;
  const ConfigFile top = config::parse_overrides(line.settings);
  const std::vector<std::string> replaced = config::override_variants(plan, top);
  config::lay_over(plan, top);
  check_disjoint(plan);
  check_distinct_points(plan);
  const std::string name = config::printable(file.path, 512);
  std::size_t conditions = 0;
  for (const ConfigFile::Exclusion& exclusion : plan.exclusions)
    conditions += exclusion.terms.size();
  if (conditions > kMostConditions)
    fail(Exit::usage, fmt::format("{}: [exclude] has more than {} conditions; merge some", name,
                                  kMostConditions));

  const std::vector<std::vector<Point>> axes = axes_of(plan);
  const std::size_t count = count_combinations(name, axes);
  Settings plain;
  for (const auto& [key, setting] : plan.values) plain.set(key, setting);
  std::vector<RunSpec> runs;
  std::size_t bytes = 0;
  for (std::size_t number = 0; number < count; ++number) {
    RunSpec run = combine(plain, axes, number);
    if (is_excluded(run, plan.exclusions)) continue;
    check_name(run);
    bytes += weight(run);
    if (bytes > kMostBytes)
      fail(Exit::usage, fmt::format("{}: the settings of {} runs exceed 256 MiB; shorten the file "
                                    "or split the sweep",
                                    name, count));
    runs.push_back(std::move(run));
  }
  label_runs(runs);
  if (runs.empty()) fail(Exit::usage, name + ": [exclude] leaves no run; remove a condition");
  runs = choose_arms(runs, line.arms);
  if (!replaced.empty()) check_variants_differ(runs, replaced.front());
  if (notes != nullptr) *notes = replaced;
  return runs;
}

}  // namespace moesim
