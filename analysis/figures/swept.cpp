// Builds the figure of a metric against a swept setting: means over seeds with error bars of one
// standard deviation, and a series for each combination of the other settings.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/figures/swept_settings.hpp"
#include "analysis/statistics/sample.hpp"
#include "analysis/tables/column_names.hpp"
#include "analysis/tables/grid.hpp"
#include "analysis/tables/no_limit.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

namespace moesim {
namespace {

// Values are the positions on the x axis: sorted numbers, or texts in the order of the arms. If one
// value means "no limit", numbers are also treated as texts, sorted.
struct Values {
  std::vector<std::string> texts;
  std::vector<double> numbers;  // empty if one of the texts is not a number

  double place(const std::string& text) const {
    const auto i =
        static_cast<std::size_t>(std::find(texts.begin(), texts.end(), text) - texts.begin());
    return numbers.empty() ? static_cast<double>(i) : numbers[i];
  }
};

Values values_of_key(const std::vector<Arm>& arms, const std::string& key) {
  Values values;
  for (const Arm& arm : arms)
    if (const auto found = arm.settings.find(key); found != arm.settings.end())
      if (std::find(values.texts.begin(), values.texts.end(), found->second) == values.texts.end())
        values.texts.push_back(found->second);
  for (const std::string& text : values.texts) {
    double number = 0;
    if (config::parse(text, number) != std::errc{}) {
      values.numbers.clear();
      break;
    }
    values.numbers.push_back(number);
  }
  if (!values.numbers.empty() &&
      std::any_of(values.texts.begin(), values.texts.end(),
                  [&](const auto& text) { return is_no_limit(key, text); })) {
    std::sort(values.texts.begin(), values.texts.end(),
              [&](const auto& a, const auto& b) { return value_before(key, a, b); });
    values.numbers.clear();
  }
  return values;
}

FigureAxis axis_of(const std::string& key, const Values& values) {
  constexpr std::size_t kMostTicks = 8;
  FigureAxis axis;
  axis.title = brief_setting(key);
  if (values.numbers.empty()) {
    axis.categories = values.texts;
    for (std::string& text : axis.categories)
      if (is_no_limit(key, text)) text = "no limit";
    return axis;
  }
  std::vector<double> numbers = values.numbers;
  std::sort(numbers.begin(), numbers.end());
  axis.logarithmic = numbers.front() > 0 && numbers.back() >= 8 * numbers.front();
  if (numbers.size() <= kMostTicks) axis.ticks = numbers;
  return axis;
}

// Names the series of each arm after its other settings.
std::vector<std::string> series_names(const std::vector<const Arm*>& arms, const std::string& key) {
  std::vector<std::string> keys;
  for (const std::string& other : telling_settings(arms))
    if (other != key && !setting_follows(other, key) && !change_together(arms, key, other) &&
        std::none_of(keys.begin(), keys.end(),
                     [&](const std::string& known) { return change_together(arms, known, other); }))
      keys.push_back(other);
  // Settings that all arms have come first; the others are used only if these do not distinguish
  // the arms.
  const auto own = std::stable_partition(keys.begin(), keys.end(), [&](const std::string& other) {
    return std::all_of(arms.begin(), arms.end(),
                       [&](const Arm* arm) { return arm->settings.contains(other); });
  });
  const auto named = [&](const Arm& arm, auto end) {
    std::vector<std::string> terms;
    for (auto other = keys.begin(); other != end; ++other)
      if (const auto found = arm.settings.find(*other); found != arm.settings.end())
        terms.push_back(config::short_key(*other) + " = " + config::printable(found->second, 30));
    if (!terms.empty() || end == own) return joined(terms);
    for (auto other = own; other != end; ++other) terms.push_back(config::short_key(*other));
    return "without " + joined(terms);
  };
  std::map<std::string, std::set<std::string>> told;
  for (const Arm* arm : arms) told[named(*arm, own)].insert(named(*arm, keys.end()));
  std::vector<std::string> names;
  for (const Arm* arm : arms) {
    const std::string brief = named(*arm, own);
    names.push_back(told[brief].size() > 1 ? named(*arm, keys.end()) : brief);
  }
  return names;
}

}  // namespace

Built swept_figure(const Request& request, const FigureOptions& options) {
  Request asked = request;
  for (const std::string& name : quantities_among({options.metric}))
    asked.quantities.push_back(name);
  Built built;
  built.gathered = gather(asked, options, {}, {});
  Gathered& gathered = built.gathered;
  const RouterColumn metric =
      find_column(router_columns(nullptr, std::nullopt), options.metric, gathered.loaded.outcomes);
  if (!metric.value) fail(Exit::usage, "--metric " + options.metric + ": is no number of one run");
  const std::string key = options.key.empty() ? only_swept_key(gathered.arms)
                                              : setting_called(gathered.arms, options.key);
  std::vector<const Arm*> arms, dense;
  std::vector<std::string> without;
  for (const Arm& arm : gathered.arms)
    if (arm.settings.contains(key))
      arms.push_back(&arm);
    else if (is_dense_arm(arm))
      dense.push_back(&arm);
    else
      without.push_back(arm.name);
  if (dense.size() > 1) {  // ambiguous: no single dense line
    for (const Arm* arm : dense) without.push_back(arm->name);
    dense.clear();
  }

  const Values values = values_of_key(gathered.arms, key);
  Panel panel;
  panel.kind = Panel::Kind::points;
  panel.x = axis_of(key, values);
  panel.y.title =
      options.metric == "eval_loss" ? "validation loss (nats/token)" : metric.column.title;
  const std::vector<std::string> names = series_names(arms, key);
  struct Point {
    double x;
    Sample y;
  };
  std::vector<std::pair<std::string, std::vector<Point>>> series;
  std::set<std::string> leaking;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    std::vector<double> found;
    for (const Outcome* run : arms[i]->complete)
      if (const double value = metric.value(at(*run, options.at)); std::isfinite(value))
        found.push_back(value);
    if (found.empty()) continue;
    const std::string name = !arms[i]->leaks    ? names[i]
                             : names[i].empty() ? "leaks"
                                                : names[i] + " (leaks)";
    if (arms[i]->leaks) leaking.insert(name);
    auto place = std::find_if(series.begin(), series.end(),
                              [&](const auto& other) { return other.first == name; });
    if (place == series.end()) place = series.insert(series.end(), {name, {}});
    place->second.push_back({values.place(arms[i]->settings.at(key)), sample_of(found)});
  }
  if (series.empty())
    fail(Exit::data, "no run that is shown has " + options.metric + " at this evaluation");
  std::vector<std::string> beyond;
  for (auto& [name, points] : series) {
    if (panel.series.size() == stroke_count()) {
      beyond.push_back(name);
      continue;
    }
    std::sort(points.begin(), points.end(),
              [](const Point& a, const Point& b) { return a.x < b.x; });
    Series curve;
    curve.name = series.size() > 1 ? name : "";
    curve.style = panel.series.size();
    curve.hollow = leaking.contains(name);
    curve.joined = !values.numbers.empty();
    for (const Point& point : points) {
      const double deviation = point.y.count > 1 ? point.y.deviation : 0;
      curve.x.push_back(point.x);
      curve.y.push_back(point.y.mean);
      curve.low.push_back(point.y.mean - deviation);
      curve.high.push_back(point.y.mean + deviation);
    }
    panel.series.push_back(std::move(curve));
  }
  for (const Arm* arm : dense) {
    std::vector<double> found;
    for (const Outcome* run : arm->complete)
      if (const double value = metric.value(at(*run, options.at)); std::isfinite(value))
        found.push_back(value);
    double low = INFINITY, high = -INFINITY;
    for (const Series& curve : panel.series)
      for (const double x : curve.x) {
        low = std::min(low, x);
        high = std::max(high, x);
      }
    if (found.empty()) {
      without.push_back(arm->name);
      continue;
    }
    Series line;
    line.guide = true;
    line.name = arm->name;
    line.x = {low, high};
    line.y = {sample_of(found).mean, sample_of(found).mean};
    panel.series.push_back(std::move(line));
    gathered.notes.push_back("the grey line is the mean of " + arm->name);
  }
  for (const std::string& other : telling_settings(arms))
    if (other != key && !setting_follows(other, key) && change_together(arms, key, other))
      gathered.notes.push_back(other + " changes together with " + key);
  add_list(gathered.notes, key + " is no setting of these, not shown", without);
  add_list(gathered.notes,
           fmt::format("{} series are shown, the others not (--arm chooses)", stroke_count()),
           beyond);
  built.figure.panels = {std::move(panel)};
  return built;
}

}  // namespace moesim
