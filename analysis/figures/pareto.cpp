// Builds the Pareto figure: loss against speed and against FLOPs per token, with the frontier of
// the arms that no other arm beats in both. Losses are means over seeds with error bars of one
// standard deviation. Speeds are medians over seeds of the medians over steps, as in the routers
// table, with bars from the slowest seed to the fastest.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/statistics/difference.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace moesim {
namespace {

struct Point {
  double x;  // the median over seeds
  Sample y;
};

// Returns the staircase between dominated and non-dominated points, from the best loss to the best
// x. `more`: larger x is better.
Series frontier_of(std::vector<Point> points, bool more) {
  std::sort(points.begin(), points.end(), [&](const Point& a, const Point& b) {
    if (a.x != b.x) return (a.x > b.x) == more;
    return a.y.mean < b.y.mean;
  });
  Series stairs;
  stairs.guide = true;
  stairs.name = "Pareto frontier";
  for (const Point& point : points) {  // from the best x to the worst
    if (!stairs.y.empty() && point.y.mean >= stairs.y.back()) continue;
    if (!stairs.y.empty()) {
      stairs.x.push_back(point.x);
      stairs.y.push_back(stairs.y.back());
    }
    stairs.x.push_back(point.x);
    stairs.y.push_back(point.y.mean);
  }
  return stairs;
}

bool wide(const std::vector<Point>& points) {
  double low = INFINITY, high = 0;
  for (const Point& point : points) {
    low = std::min(low, point.x);
    high = std::max(high, point.x);
  }
  return low > 0 && high > 10 * low;
}

Panel panel_of(const Gathered& gathered, const std::vector<std::vector<Outcome>>& runs,
               double Outcome::*cost, bool more, const std::string& title) {
  Panel panel;
  panel.kind = Panel::Kind::points;
  panel.x.title = title;
  panel.y.title = "validation loss (nats/token)";
  const std::vector<Arm>& arms = gathered.arms;
  std::vector<Point> fair, all;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    std::vector<double> xs, ys;
    for (const Outcome& run : runs[i]) {
      if (!std::isfinite(run.loss) || !std::isfinite(run.*cost)) continue;
      xs.push_back(run.*cost);
      ys.push_back(run.loss);
    }
    if (ys.empty()) continue;
    const Point point{quantile(xs, 0.5), sample_of(ys)};
    Series series;
    series.name = gathered.legend_name(arms[i]);
    series.style = i;
    series.hollow = arms[i].leaks;
    series.x = {point.x};
    series.y = {point.y.mean};
    const double deviation = point.y.count > 1 ? point.y.deviation : 0;
    series.low = {point.y.mean - deviation};
    series.high = {point.y.mean + deviation};
    const auto [least, most] = std::minmax_element(xs.begin(), xs.end());
    series.x_low = {*least};
    series.x_high = {*most};
    panel.series.push_back(std::move(series));
    all.push_back(point);
    if (!arms[i].leaks) fair.push_back(point);
  }
  panel.x.logarithmic = wide(all);
  if (fair.size() < 2) return panel;
  Series frontier = frontier_of(fair, more);
  if (frontier.x.size() > 1) panel.series.push_back(std::move(frontier));
  return panel;
}

}  // namespace

Built pareto_figure(const Request& request, const FigureOptions& options) {
  std::map<std::size_t, std::string> machine;  // of each run
  Built built;
  built.gathered = gather(request, options, {}, [&](const Run& run, std::size_t place) {
    machine[place] = run.file.text("device") + ", " + std::to_string(run.number("threads"));
  });
  Gathered& gathered = built.gathered;
  limit_arms(gathered, stroke_count());
  std::vector<std::vector<Outcome>> runs;
  std::vector<std::string> leaking;
  std::set<std::string> machines;
  for (const Arm& arm : gathered.arms) {
    runs.emplace_back();
    for (const Outcome* run : arm.complete) {
      runs.back().push_back(at(*run, options.at));
      machines.insert(machine[gathered.place(run)]);
    }
    if (arm.leaks) leaking.push_back(arm.name);
  }
  for (Panel& panel : std::vector{
           panel_of(gathered, runs, &Outcome::tokens_per_second, true, "tokens/s"),
           panel_of(gathered, runs, &Outcome::flops_per_token, false, "training FLOPs/token")})
    if (!panel.series.empty()) built.figure.panels.push_back(std::move(panel));
  if (built.figure.panels.empty())
    fail(Exit::data,
         "no run that is shown has a loss at this evaluation, and tokens per second or "
         "FLOPs/token");
  built.figure.columns = 2;
  gathered.notes.push_back(
      "tokens/s are medians over steps, then over seeds, with bars from the slowest seed to the "
      "fastest; losses are means over seeds with bars of one standard deviation");
  add_list(gathered.notes, "leaks, so not part of the frontier (hollow)", leaking);
  if (machines.size() > 1)
    gathered.notes.push_back(
        "runs are of different devices or numbers of threads, so their tokens "
        "per second do not compare");
  return built;
}

}  // namespace moesim
