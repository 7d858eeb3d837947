// ArmExplanation is the description of one arm's settings: the sentences that describe its
// parts, by topic, and its settings.
#pragma once

#include "experiments/explain/dialects.hpp"
#include "experiments/sweep/plan.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace moesim {

// A topic, or a part of a router with a topic ("outer: selection"), and its sentences.
struct Explanations {
  std::string title;
  std::vector<std::string> sentences;
};

struct ArmExplanation {
  std::string arm;
  std::vector<Explanations> parts;
  std::vector<PlannedOption> options;  // of router and MoE layer
};

ArmExplanation explain_arm(const PlannedRun& run);
std::string explanation_text(const ArmExplanation& arm, std::size_t width);
nlohmann::ordered_json explanation_json(const ArmExplanation& arm);

// What a dialect takes over from this run.
Carried carried_from(const PlannedRun& run);

}  // namespace moesim
