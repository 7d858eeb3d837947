// Differences is the list of what distinguishes two runs: settings, then sentences of their
// explanations.
#pragma once

#include "experiments/sweep/plan.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace moesim {

struct Differences {
  struct Setting {
    std::string key, first, second;  // "": the run has no such option
  };
  // The sentences of a topic that the other run lacks.
  struct Part {
    std::string title;
    std::vector<std::string> first, second;
  };
  std::string first, second;  // the arms
  std::vector<Setting> settings;
  std::vector<Part> topics;
};

Differences differences(const PlannedRun& first, const PlannedRun& second);
std::string differences_text(const Differences& found, std::size_t width);
nlohmann::ordered_json differences_json(const Differences& found);

}  // namespace moesim
