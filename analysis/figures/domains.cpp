// Builds the figure of loss by domain at one evaluation: a point per arm and domain.
#include "analysis/figures/figures.hpp"
#include "analysis/figures/style.hpp"
#include "analysis/statistics/sample.hpp"
#include "analysis/tables/expert_load.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <map>

namespace moesim {
namespace {

std::vector<std::string> domains_of(const Run& run, std::size_t count) {
  std::vector<std::string> names;
  const Variable* domain = run.file.find("domain");
  for (std::size_t i = 0; i < count; ++i)
    names.push_back(domain != nullptr && i < domain->texts.size() ? domain->texts[i]
                                                                  : "domain " + std::to_string(i));
  return names;
}

}  // namespace

Built domains_figure(const Request& request, const FigureOptions& options) {
  Excerpt excerpt = evaluation_excerpt(options.at);
  excerpt.last_rows["domain_loss"] = kMostRows;
  excerpt.last_rows["domain"] = kMostRows;
  std::map<std::size_t, std::map<std::string, double>> losses;
  std::vector<std::string> domains;
  Built built;
  built.gathered = gather(request, options, excerpt, [&](const Run& run, std::size_t place) {
    const auto row = evaluation_of(run, options.at);
    if (!row) return;
    const std::vector<double> values = row_from_last(run, "domain_loss", {"eval", "domain"}, *row);
    const std::vector<std::string> names = domains_of(run, values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (std::find(domains.begin(), domains.end(), names[i]) == domains.end())
        domains.push_back(names[i]);
      if (std::isfinite(values[i])) losses[place][names[i]] = values[i];
    }
  });
  Gathered& gathered = built.gathered;
  limit_arms(gathered, stroke_count());

  Panel panel;
  panel.kind = Panel::Kind::points;
  panel.x.title = "domain";
  panel.x.categories = domains;
  panel.y.title = "validation loss (nats/token)";
  std::vector<std::string> without;
  for (const Arm& arm : gathered.arms) {
    Series series;
    series.name = gathered.legend_name(arm);
    series.style = gathered.style(arm);
    series.hollow = arm.leaks;
    for (std::size_t d = 0; d < domains.size(); ++d) {
      std::vector<double> values;
      for (const Outcome* run : arm.complete)
        if (const auto found = losses.find(gathered.place(run)); found != losses.end())
          if (const auto loss = found->second.find(domains[d]); loss != found->second.end())
            values.push_back(loss->second);
      const Sample sample = sample_of(values);
      if (sample.count == 0) continue;
      const double deviation = sample.count > 1 ? sample.deviation : 0;
      series.x.push_back(static_cast<double>(d));
      series.y.push_back(sample.mean);
      series.low.push_back(sample.mean - deviation);
      series.high.push_back(sample.mean + deviation);
    }
    if (series.x.empty())
      without.push_back(arm.name);
    else
      panel.series.push_back(std::move(series));
  }
  if (panel.series.empty())
    fail(Exit::data,
         "no run that is shown has losses by domain at this evaluation; the data of "
         "these runs have no domains");
  // Arms are placed side by side within a domain.
  const double count = static_cast<double>(panel.series.size());
  for (std::size_t s = 0; s < panel.series.size(); ++s)
    for (double& x : panel.series[s].x) x += 0.7 * ((static_cast<double>(s) + 0.5) / count - 0.5);
  add_list(gathered.notes, "no losses by domain, not shown", without);
  built.figure.panels = {std::move(panel)};
  return built;
}

}  // namespace moesim
