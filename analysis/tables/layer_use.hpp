// LayerUse is how evenly the experts of one layer are used, or those of all layers of a run.
#pragma once

#include "analysis/render/table.hpp"
#include "analysis/tables/expert_load.hpp"

#include <array>
#include <vector>

namespace moesim {

struct LayerUse {
  double min = ExpertLoad::kNone, p10 = ExpertLoad::kNone, median = ExpertLoad::kNone,
         p90 = ExpertLoad::kNone, max = ExpertLoad::kNone;
  double cv = ExpertLoad::kNone, max_violation = ExpertLoad::kNone, entropy = ExpertLoad::kNone,
         effective = ExpertLoad::kNone, dead = ExpertLoad::kNone;
  double dropped_percent = ExpertLoad::kNone;
};

// A statistic, and the column it is shown in.
struct UseStatistic {
  Column column;
  double LayerUse::*value;
};
const std::array<UseStatistic, 11>& use_statistics();

// Quantiles are of load, after capacity; the others of demand, before capacity, as run files have
// them.
LayerUse use_of(const ExpertLoad& layer);
// Quantiles over the experts of all layers, each over the uniform load of its own layer; the sum of
// dead experts; the mean over layers of the others.
LayerUse use_of_all(const std::vector<ExpertLoad>& loads, const std::vector<LayerUse>& layers);

}  // namespace moesim
