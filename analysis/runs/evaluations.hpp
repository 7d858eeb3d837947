// EvaluationPoint holds the results of one evaluation of a run.
#pragma once

#include "analysis/runs/at.hpp"
#include "analysis/runs/read.hpp"
#include "analysis/statistics/sample.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// Missing numbers are NaN. A mean over layers is NaN if one layer's value is NaN.
struct EvaluationPoint {
  double step = kNone;           // eval_step: training steps done before
  double tokens = kNone;         // tokens trained on before
  double seconds = kNone;        // training time before: sum of `seconds`
  double loss = kNone;           // eval_loss
  double loss_error = kNone;     // eval_loss_error
  double loss_from = kNone;      // eval_loss_from
  double loss_dropless = kNone;  // eval_loss_dropless
  double loss_training = kNone;  // eval_loss_training
  double sequences = kNone;      // eval_sequences
  double accuracy = kNone;       // eval_accuracy
  double domain_nmi = kNone;     // mean over layers
  double drops_percent = kNone;  // 100 dropped / assignments, mean over layers with assignments
  // 100 dropped / assignments in training, of sums over layers: the mean over the records of the
  // last tenth of the steps before the evaluation. If these are fewer than ten, over the last ten
  // records of the last half of the steps; in any case at most the last 4096 records.
  double train_drops_percent = kNone;
  double load_cv = kNone;        // mean over layers
  double max_violation = kNone;  // mean over layers
  double entropy = kNone;        // router entropy / log E, mean over layers
  double dead_experts = kNone;   // sum over layers
};

// Returns all evaluations of a run in chronological order.
std::vector<EvaluationPoint> evaluations_of(const Run& run);

// Returns a recorded quantity (by its name in FORMAT.md) at each evaluation: a mean over layers,
// experts and domains where it has them. Quantities over steps or records are taken at the last one
// before the evaluation; constants and numeric attributes are repeated. A run without evaluations
// has one value, at its end. Empty if the file has no such number.
std::vector<double> quantity_of(const Run& run, const std::string& name,
                                const std::vector<EvaluationPoint>& evaluations);

// Returns the index of the evaluation that `at` selects, if it exists.
std::optional<std::size_t> place_of(const std::vector<EvaluationPoint>& evaluations, const At& at);

// Adds the variables that evaluations_of and quantity_of read.
void add_evaluations(Excerpt& excerpt);
void add_quantity(Excerpt& excerpt, const std::string& name);

// Returns the names of all numbers in FORMAT.md, for suggestions in error messages.
const std::vector<std::string>& recorded_names();

}  // namespace moesim
