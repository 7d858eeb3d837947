// Evaluations are what a run file says of a run after some steps of training, evaluation by
// evaluation.
#pragma once

#include "analysis/runs/at.hpp"
#include "analysis/runs/read.hpp"

#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// NaN where the run does not have a number. Means over layers are NaN if one layer's value is.
struct EvaluationPoint {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  double step = kNone;           // eval_step: training steps done before
  double tokens = kNone;         // trained on before
  double seconds = kNone;        // of training before: the sum of `seconds`
  double loss = kNone;           // eval_loss
  double loss_error = kNone;     // eval_loss_error
  double sequences = kNone;      // eval_sequences
  double accuracy = kNone;       // eval_accuracy
  double domain_nmi = kNone;     // mean over layers
  double drops_percent = kNone;  // 100 dropped / assignments, mean over layers with assignments
  // The same of training: of the sums over layers, a mean over the records of the last tenth of the
  // steps before the evaluation; where these are fewer than ten, over the last ten of the last half
  // of the steps. Of at most the last 4096 records.
  double train_drops_percent = kNone;
  double load_cv = kNone;        // mean over layers
  double max_violation = kNone;  // mean over layers
  double entropy = kNone;        // router entropy / log E, mean over layers
  double dead_experts = kNone;   // sum over layers
};

// In order of time.
std::vector<EvaluationPoint> evaluations_of(const Run& run);

// The values of a recorded variable at each of the evaluations, by its name in FORMAT.md: a mean
// over layers, experts and domains where it has them. What is recorded over steps or records is
// taken from the last of them before the evaluation; what does not change in time, and attributes
// that are numbers, are the same for all. Of a run without evaluations: one value, of its end.
// Empty if the file has no such number.
std::vector<double> quantity_of(const Run& run, const std::string& name,
                                const std::vector<EvaluationPoint>& evaluations);

// The place of the evaluation that `at` means, if there is one.
std::optional<std::size_t> place_of(const std::vector<EvaluationPoint>& evaluations, const At& at);

// Adds what evaluations_of and quantity_of need.
void add_evaluations(Excerpt& excerpt);
void add_quantity(Excerpt& excerpt, const std::string& name);

// The names of the numbers that FORMAT.md has, to find what was meant by another.
const std::vector<std::string>& recorded_names();

}  // namespace moesim
