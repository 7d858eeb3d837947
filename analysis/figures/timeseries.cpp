#include "analysis/figures/timeseries.hpp"

#include "analysis/statistics/sample.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

constexpr std::int64_t kMostSteps = std::int64_t{1} << 22;

std::string step_variable(const std::string& dim) { return dim == "step" ? "step" : dim + "_step"; }

// Returns the cumulative tokens, FLOPs or seconds after each recorded step.
std::vector<double> used(const Run& run, const std::string& x) {
  const Variable* variable = run.variable(x == "seconds" ? "seconds" : "tokens", {"step"});
  if (variable == nullptr) return {};
  std::vector<double> values = variable->values;
  if (x == "seconds")
    for (std::size_t i = 1; i < values.size(); ++i) values[i] += values[i - 1];
  if (x == "flops")
    for (double& value : values) value *= run.number("flops_per_token");
  return values;
}

}  // namespace

const std::vector<std::string>& time_axes() {
  static const std::vector<std::string> names = {"steps", "tokens", "flops", "seconds"};
  return names;
}

void require_time_axis(const std::string& x) {
  const auto& names = time_axes();
  if (std::find(names.begin(), names.end(), x) != names.end()) return;
  const std::string near = nearest(x, names);
  fail(Exit::usage,
       "--x " + x + ": " +
           (near.empty() ? "choose one of " + joined(names) : "did you mean " + near + "?"));
}

std::string time_title(const std::string& x) {
  if (x == "tokens") return "training tokens";
  if (x == "flops") return "training FLOPs";
  if (x == "seconds") return "training time (s)";
  return "training step";
}

void add_times(Excerpt& excerpt, const std::string& dim, const std::string& x) {
  excerpt.last_rows[step_variable(dim)] = dim == "step" ? kMostSteps : kMostRows;
  if (x == "steps") return;
  excerpt.last_rows["step"] = kMostSteps;
  excerpt.last_rows[x == "seconds" ? "seconds" : "tokens"] = kMostSteps;
}

Timeseries times_of(const Run& run, const std::string& dim, const std::string& x) {
  Timeseries times;
  const Variable* rows = run.variable(step_variable(dim), {dim});
  if (rows == nullptr) return times;
  times.step = rows->values;
  if (x == "steps") {
    times.x = times.step;
    return times;
  }
  const Variable* steps = run.variable("step", {"step"});
  const std::vector<double> amounts = used(run, x);
  for (const double step : times.step) {
    // An evaluation follows `step` completed steps; a record belongs to step number `step`, from 0.
    const double last = dim == "eval" ? step - 1 : step;
    double at = last < 0 ? 0 : kNone;
    if (steps != nullptr && last >= 0) {
      const auto found = std::lower_bound(steps->values.begin(), steps->values.end(), last);
      const auto i = static_cast<std::size_t>(found - steps->values.begin());
      if (i < amounts.size() && *found == last && (x != "seconds" || steps->values[0] == 0))
        at = amounts[i];
    }
    times.x.push_back(at);
  }
  return times;
}

Series mean_over_seeds(const std::vector<const Timeseries*>& timelines) {
  std::map<double, std::pair<std::vector<double>, std::vector<double>>> points;
  for (const Timeseries* timeline : timelines)
    for (std::size_t i = 0; i < timeline->y.size() && i < timeline->x.size(); ++i)
      if (std::isfinite(timeline->x[i]) && std::isfinite(timeline->y[i])) {
        auto& [x, y] = points[timeline->step[i]];
        x.push_back(timeline->x[i]);
        y.push_back(timeline->y[i]);
      }
  Series series;
  bool band = false;
  for (const auto& [step, values] : points) {
    const Sample y = sample_of(values.second);
    series.x.push_back(sample_of(values.first).mean);
    series.y.push_back(y.mean);
    const double deviation = y.count > 1 ? y.deviation : 0;
    series.low.push_back(y.mean - deviation);
    series.high.push_back(y.mean + deviation);
    band = band || y.count > 1;
  }
  if (!band) {
    series.low.clear();
    series.high.clear();
  }
  return series;
}

std::size_t thin(Timeseries& timeline, std::size_t most) {
  const std::size_t count = std::min(timeline.y.size(), timeline.x.size());
  const std::size_t each = (count + most - 1) / most;
  if (each < 2) return 1;
  Timeseries thinned;
  for (std::size_t start = 0; start < count; start += each) {
    const std::size_t end = std::min(start + each, count);
    const auto mean = [&](const std::vector<double>& values) {
      double sum = 0;
      for (std::size_t i = start; i < end; ++i) sum += values[i];
      return sum / static_cast<double>(end - start);
    };
    thinned.step.push_back(mean(timeline.step));
    thinned.x.push_back(mean(timeline.x));
    thinned.y.push_back(mean(timeline.y));
  }
  timeline = std::move(thinned);
  return each;
}

}  // namespace moesim
