// Builds the figure of loss over training: the mean over seeds, with a band of ± one standard
// deviation.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/figures/timeseries.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

struct Quantity {
  const char *name, *dim, *title;
};
constexpr Quantity kQuantities[] = {
    {"eval_loss", "eval", "validation loss (nats/token)"},
    {"task_loss", "step", "training loss (nats/token)"},
    {"loss", "step", "training loss with auxiliary terms (nats)"},
    {"eval_accuracy", "eval", "validation accuracy"},
};

const Quantity& quantity_of(const std::string& name) {
  for (const Quantity& quantity : kQuantities)
    if (name.empty() || name == quantity.name) return quantity;
  fail(Exit::usage, "--quantity " + config::printable(name) + ": --figure loss shows one of " +
                        joined(loss_quantities()));
}

// Share of the training that may exceed the axis: the initial drop from a random guess would
// otherwise fill the plot.
constexpr double kBeginning = 0.2;
double y_end(const std::vector<Series>& all) {
  double first = INFINITY, last = -INFINITY;
  for (const Series& series : all)
    for (const double x : series.x) {
      first = std::min(first, x);
      last = std::max(last, x);
    }
  double low = INFINITY, high = -INFINITY, highest = -INFINITY;
  for (const Series& series : all)
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      const double top = series.high.empty() ? series.y[i] : series.high[i];
      highest = std::max(highest, top);
      if (series.x[i] < first + kBeginning * (last - first)) continue;
      low = std::min(low, series.low.empty() ? series.y[i] : series.low[i]);
      high = std::max(high, top);
    }
  const double end = high + 0.15 * (high - low);
  return highest > high + 1.0 * (high - low) ? end : NAN;
}

}  // namespace

std::vector<std::string> loss_quantities() {
  std::vector<std::string> names;
  for (const Quantity& quantity : kQuantities) names.emplace_back(quantity.name);
  return names;
}

Built loss_figure(const Request& request, const FigureOptions& options) {
  require_time_axis(options.x);
  const Quantity& quantity = quantity_of(options.quantity);
  Excerpt excerpt;
  excerpt.last_rows[quantity.name] =
      std::string(quantity.dim) == "step" ? std::int64_t{1} << 22 : kMostRows;
  add_times(excerpt, quantity.dim, options.x);
  std::map<std::size_t, Timeseries> timelines;
  std::size_t each = 1;
  Built built;
  built.gathered = gather(request, options, excerpt, [&](const Run& run, std::size_t place) {
    const Variable* variable = run.variable(quantity.name, {quantity.dim});
    if (variable == nullptr) return;
    Timeseries timeline = times_of(run, quantity.dim, options.x);
    timeline.y = variable->values;
    constexpr std::size_t kMostPoints = 150;
    each = std::max(each, thin(timeline, kMostPoints));
    timelines[place] = std::move(timeline);
  });
  Gathered& gathered = built.gathered;
  limit_arms(gathered, stroke_count());

  Panel panel;
  panel.x.title = time_title(options.x);
  panel.y.title = quantity.title;
  std::vector<std::string> without;
  for (const Arm& arm : gathered.arms) {
    std::vector<const Timeseries*> own;
    for (const Outcome* run : arm.complete)
      if (const auto found = timelines.find(gathered.place(run)); found != timelines.end())
        own.push_back(&found->second);
    Series series = mean_over_seeds(own);
    if (series.x.empty()) {
      without.push_back(arm.name);
      continue;
    }
    series.name = gathered.legend_name(arm);
    series.style = gathered.style(arm);
    panel.series.push_back(std::move(series));
  }
  if (panel.series.empty())
    fail(Exit::data, fmt::format("no run has {} over {}, so there is nothing to show",
                                 quantity.name, options.x));
  if (std::string(quantity.name) != "eval_accuracy") panel.y.high = y_end(panel.series);
  if (std::isfinite(panel.y.high))
    gathered.notes.push_back(
        "the beginning of the training lies above the figure, whose axis shows what comes after "
        "its first fifth");
  add_list(gathered.notes, fmt::format("{} is not recorded, not shown", quantity.name), without);
  if (each > 1) gathered.notes.push_back(fmt::format("each point is the mean over {} steps", each));
  built.figure.panels = {std::move(panel)};
  return built;
}

}  // namespace moesim
