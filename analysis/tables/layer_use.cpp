#include "analysis/tables/layer_use.hpp"

#include "analysis/statistics/difference.hpp"

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

using Kind = Column::Kind;

void set_quantiles(LayerUse& into, const std::vector<double>& ratios) {
  into.min = quantile(ratios, 0);
  into.p10 = quantile(ratios, 0.1);
  into.median = quantile(ratios, 0.5);
  into.p90 = quantile(ratios, 0.9);
  into.max = quantile(ratios, 1);
}

double mean_of(const std::vector<LayerUse>& layers, double LayerUse::*field) {
  std::vector<double> values;
  for (const LayerUse& layer : layers)
    if (!std::isnan(layer.*field)) values.push_back(layer.*field);
  return sample_of(values).mean;
}

}  // namespace

const std::array<UseStatistic, 11>& use_statistics() {
  using Better = Column::Better;
  static const std::array<UseStatistic, 11> all = {{
      {{"load_min", "min", Kind::number, 3}, &LayerUse::min},
      {{"load_p10", "p10", Kind::number, 3}, &LayerUse::p10},
      {{"load_median", "median", Kind::number, 3}, &LayerUse::median},
      {{"load_p90", "p90", Kind::number, 3}, &LayerUse::p90},
      {{"load_max", "max", Kind::number, 3}, &LayerUse::max},
      {{"load_cv", "CV", Kind::sample, 3, Better::lower}, &LayerUse::cv},
      {{"max_violation", "MaxVio", Kind::sample, 3, Better::lower}, &LayerUse::max_violation},
      {{"normalised_entropy", "entropy", Kind::sample, 3}, &LayerUse::entropy},
      {{"effective_experts", "effective", Kind::number, 2, Better::higher}, &LayerUse::effective},
      {{"dead_experts", "dead", Kind::number, 1, Better::lower}, &LayerUse::dead},
      {{"dropped_percent", "dropped %", Kind::sample, 2, Better::lower},
       &LayerUse::dropped_percent},
  }};
  return all;
}

LayerUse use_of(const ExpertLoad& layer) {
  LayerUse u;
  set_quantiles(u, over_uniform(layer.load));
  const std::vector<double> asked = over_uniform(layer.demand);
  double squares = 0;
  for (const double ratio : asked) squares += (ratio - 1) * (ratio - 1);
  u.cv = std::sqrt(squares / static_cast<double>(asked.size()));
  u.max_violation = *std::max_element(asked.begin(), asked.end()) - 1;
  u.entropy = layer.router_entropy / std::log(static_cast<double>(asked.size()));
  u.effective = effective_experts_of(layer.demand);
  u.dead = static_cast<double>(std::count(layer.demand.begin(), layer.demand.end(), 0.0));
  if (layer.assignments > 0) u.dropped_percent = 100 * layer.dropped / layer.assignments;
  return u;
}

LayerUse use_of_all(const std::vector<ExpertLoad>& loads, const std::vector<LayerUse>& layers) {
  LayerUse all;
  std::vector<double> ratios;
  for (const ExpertLoad& layer : loads)
    for (const double ratio : over_uniform(layer.load)) ratios.push_back(ratio);
  set_quantiles(all, ratios);
  for (const auto field : {&LayerUse::cv, &LayerUse::max_violation, &LayerUse::entropy,
                           &LayerUse::effective, &LayerUse::dropped_percent})
    all.*field = mean_of(layers, field);
  all.dead = 0;
  for (const LayerUse& layer : layers) all.dead += layer.dead;
  return all;
}

}  // namespace moesim
