// Loss against speed, and against FLOPs per token: means over seeds with error bars of one standard
// deviation, and the frontier of the arms that no other beats in both.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/statistics/sample.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace moesim {
namespace {

struct Point {
  Sample x, y;
};

void add(std::vector<double>& low, std::vector<double>& high, const Sample& sample) {
  const double deviation = sample.count > 1 ? sample.deviation : 0;
  low.push_back(sample.mean - deviation);
  high.push_back(sample.mean + deviation);
}

// The stairs between what is dominated and what is not, to the ends of `all`; `more` of x is
// better, or else less.
Series frontier_of(std::vector<Point> points, const std::vector<Point>& all, bool more) {
  std::sort(points.begin(), points.end(), [&](const Point& a, const Point& b) {
    if (a.x.mean != b.x.mean) return (a.x.mean > b.x.mean) == more;
    return a.y.mean < b.y.mean;
  });
  Series stairs;
  stairs.guide = true;
  stairs.name = "Pareto frontier";
  double worst_x = points.front().x.mean, worst_y = points.front().y.mean;
  for (const Point& point : all) {
    worst_x = more ? std::min(worst_x, point.x.mean) : std::max(worst_x, point.x.mean);
    worst_y = std::max(worst_y, point.y.mean);
  }
  for (const Point& point : points) {  // from the best x to the worst
    if (!stairs.y.empty() && point.y.mean >= stairs.y.back()) continue;
    stairs.x.push_back(point.x.mean);
    stairs.y.push_back(stairs.y.empty() ? worst_y : stairs.y.back());
    stairs.x.push_back(point.x.mean);
    stairs.y.push_back(point.y.mean);
  }
  stairs.x.push_back(worst_x);
  stairs.y.push_back(stairs.y.back());
  return stairs;
}

bool wide(const std::vector<Point>& points) {
  double low = INFINITY, high = 0;
  for (const Point& point : points) {
    low = std::min(low, point.x.mean);
    high = std::max(high, point.x.mean);
  }
  return low > 0 && high > 10 * low;
}

Panel panel_of(const std::vector<Arm>& arms, const std::vector<std::vector<Outcome>>& runs,
               double Outcome::*cost, bool more, const std::string& title) {
  Panel panel;
  panel.kind = Panel::Kind::points;
  panel.x.title = title;
  panel.y.title = "validation loss (nats/token)";
  std::vector<Point> fair, all;
  for (std::size_t i = 0; i < arms.size(); ++i) {
    std::vector<double> xs, ys;
    for (const Outcome& run : runs[i]) {
      if (!std::isfinite(run.loss) || !std::isfinite(run.*cost)) continue;
      xs.push_back(run.*cost);
      ys.push_back(run.loss);
    }
    if (ys.empty()) continue;
    const Point point{sample_of(xs), sample_of(ys)};
    Series series;
    series.name = legend_name(arms[i]);
    series.style = i;
    series.hollow = arms[i].leaks;
    series.x = {point.x.mean};
    series.y = {point.y.mean};
    add(series.low, series.high, point.y);
    add(series.x_low, series.x_high, point.x);
    panel.series.push_back(std::move(series));
    all.push_back(point);
    if (!arms[i].leaks) fair.push_back(point);
  }
  panel.x.logarithmic = wide(all);
  if (fair.size() > 1) panel.series.push_back(frontier_of(fair, all, more));
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
           panel_of(gathered.arms, runs, &Outcome::tokens_per_second, true, "tokens/s"),
           panel_of(gathered.arms, runs, &Outcome::flops_per_token, false, "training FLOPs/token")})
    if (!panel.series.empty()) built.figure.panels.push_back(std::move(panel));
  if (built.figure.panels.empty())
    fail(Exit::data,
         "no run that is shown has a loss at this evaluation, and tokens per second or "
         "FLOPs/token");
  built.figure.columns = 2;
  add_list(gathered.notes, "leaks, so not part of the frontier (hollow)", leaking);
  if (machines.size() > 1)
    gathered.notes.push_back(
        "runs are of different devices or numbers of threads, so their tokens "
        "per second do not compare");
  return built;
}

}  // namespace moesim
