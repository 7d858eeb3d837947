// LayerUse measures how evenly the experts of one layer, or of all layers of a run, are used.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/statistics/sample.hpp"
#include "analysis/tables/expert_load.hpp"

#include <array>
#include <vector>

namespace moesim {

struct LayerUse {
  double min = kNone, p10 = kNone, median = kNone, p90 = kNone, max = kNone;
  double cv = kNone, max_violation = kNone, entropy = kNone, effective = kNone, dead = kNone;
  double dropped_percent = kNone;
};

// UseStatistic is one statistic of LayerUse and its column.
struct UseStatistic {
  Column column;
  double LayerUse::*value;
};
const std::array<UseStatistic, 11>& use_statistics();

// Returns the statistics of one layer: quantiles of load (after capacity), all others of demand
// (before capacity), as in the run file.
LayerUse use_of(const ExpertLoad& layer);
// Returns the statistics of all layers: quantiles over the experts of all layers, each relative to
// the uniform load of its layer; the sum of dead experts; the mean over layers of the others.
LayerUse use_of_all(const std::vector<ExpertLoad>& loads, const std::vector<LayerUse>& layers);

}  // namespace moesim
