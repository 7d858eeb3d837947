// What a table says about one run.
#pragma once

#include "analysis/runs/read.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace moesim {

// Numbers are NaN where the run does not have them. "Last" is the last evaluation.
struct Outcome {
  std::string path;
  std::string arm;     // attribute arm, else router
  std::string router;  // "unknown" if the attribute is missing
  std::string status;
  std::string sees;
  std::optional<std::int64_t> seed;
  // All that tells its arm from others, by key: its config without seed, name and housekeeping, and
  // the hash of its data. Empty if the file has no config.
  std::map<std::string, std::string> settings;
  double steps = 0;          // last step recorded
  double loss = 0;           // last eval_loss
  double loss_error = 0;     // last eval_loss_error
  double evaluated = 0;      // last eval_sequences
  double validation = 0;     // attribute validation_sequences: what there was to evaluate
  double regret = 0;         // loss - bayes_loss
  double uniform_loss = 0;   // attribute: loss of guessing
  double unknown = 0;        // attribute unknown_characters
  double accuracy = 0;       // last eval_accuracy
  double domain_nmi = 0;     // last, mean over layers
  double drops_percent = 0;  // last, 100 dropped / assignments, mean over layers
  double load_cv = 0;        // last, mean over layers
  double dead_experts = 0;   // last, sum over layers
  double parameters_total = 0, parameters_active = 0, flops_per_token = 0;
  double tokens_per_second = 0;  // median over the latest 2^20 steps
  double leak = 0;               // attribute
};

Outcome outcome_of(const Run& run);
// What of a run file that needs: the last evaluation, and the latest steps.
Excerpt outcome_excerpt();

}  // namespace moesim
