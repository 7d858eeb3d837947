#include "analysis/figures/layers.hpp"

#include "analysis/tables/expert_load.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <set>
#include <string>

namespace moesim {

Layers layers_of(const Run& run, std::size_t count, const std::vector<std::int64_t>& wanted) {
  const std::vector<std::int64_t> labels = layer_labels(run, count);
  Layers layers;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), labels[i]) != wanted.end()) {
      layers.labels.push_back(labels[i]);
      layers.places.push_back(i);
    }
  return layers;
}

void require_layers(const std::vector<std::int64_t>& wanted,
                    const std::vector<std::int64_t>& there) {
  for (const std::int64_t layer : wanted)
    if (std::find(there.begin(), there.end(), layer) == there.end()) {
      std::vector<std::string> names;
      for (const std::int64_t label : std::set(there.begin(), there.end()))
        names.push_back(std::to_string(label));
      fail(Exit::usage, "--layer " + std::to_string(layer) +
                            ": no run that is shown has this MoE layer; there are " +
                            joined(names));
    }
}

}  // namespace moesim
