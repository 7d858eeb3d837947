// Outcome is the summary of one run that tables are made of: status, settings, and the results of
// one evaluation.
#pragma once

#include "analysis/runs/evaluations.hpp"
#include "analysis/runs/read.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// Missing numbers are NaN. Results are those of the last evaluation, unless at() selects another.
struct Outcome {
  std::string path;
  std::string arm;     // attribute arm, else router
  std::string router;  // "unknown" if the attribute is missing
  std::string status;
  std::string sees;
  std::string build;  // version, git and build
  std::string device;
  std::optional<std::int64_t> seed;
  // Settings that define the run's arm, by key: the config without seed, name, device and
  // bookkeeping, plus the data hash as data.sha256. Without a config: only the hash, if the file
  // has it.
  std::map<std::string, std::string> settings;
  bool has_config = false;
  std::string evaluation_sha256;  // attribute: of the sequences of an evaluation; "": unknown
  bool untrained = false;         // moesim transform made it, and no step trained it
  double steps = 0;               // last step recorded
  double step = 0;                // eval_step of the evaluation
  double loss = 0;                // eval_loss
  double loss_error = 0;          // eval_loss_error
  double loss_from = kNone;       // eval_loss_from
  double loss_dropless = kNone;   // eval_loss_dropless
  double loss_training = kNone;   // eval_loss_training
  double from = kNone;            // the setting eval.from, if it is not 0
  double evaluated = 0;           // eval_sequences
  double validation = 0;          // attribute validation_sequences
  double bayes_loss = 0;          // attribute; NaN if unknown
  double regret = 0;              // loss - bayes_loss
  double uniform_loss = 0;        // attribute: loss of a uniform guess
  double unknown = 0;             // attribute unknown_characters
  double bytes_per_token = 0;     // attribute; NaN if unknown
  double bits_per_byte = 0;       // loss / (ln 2 · bytes_per_token)
  double accuracy = 0;            // eval_accuracy
  double domain_nmi = 0;          // mean over layers
  double drops_percent = 0;       // 100 dropped / assignments, mean over layers
  // Drops in training; see EvaluationPoint.
  double train_drops_percent = 0;
  double load_cv = 0;        // mean over layers
  double max_violation = 0;  // mean over layers
  double entropy = 0;        // of the router's scores / log E; mean over layers
  double dead_experts = 0;   // sum over layers
  double parameters_total = 0, parameters_active = 0, flops_per_token = 0;
  double parameters_trained = kNone;        // attribute
  double train_flops = 0, total_flops = 0;  // of this run; and of those that it was made from
  double flops_before = 0;                  // attribute
  double flops_per_token_measured = 0;      // attribute: with the expert rows computed
  double tokens_per_second = 0;             // median over the latest 2^20 steps
  double leak = 0;                          // attribute
  double leak_last = kNone;                 // attribute
  bool looks_ahead = false;  // an output depends on later tokens although the task is causal
  // The same of outputs at positions >= eval.from; of any output if eval.from is 0.
  bool looks_ahead_from = false;

  std::vector<EvaluationPoint> evaluations = {};               // all
  std::map<std::string, std::vector<double>> quantities = {};  // by name; see quantity_of
  std::size_t place = 0;  // index of the evaluation, also into `quantities`

  // True for a run whose results count: it is complete, or a model as it was made.
  bool counts() const { return status == "complete" || untrained; }
  // Returns a quantity at the evaluation; NaN if there is none.
  double quantity(const std::string& name) const;
};

Outcome outcome_of(const Run& run, const std::vector<std::string>& quantities = {});
// Returns the run's outcome at another evaluation; NaN values if it does not exist.
Outcome at(const Outcome& outcome, const At& evaluation);
// Applies at() to all runs. Throws Exit::usage if none has an evaluation at that step.
std::vector<Outcome> at_all(const std::vector<Outcome>& outcomes, const At& evaluation);

// Returns the variables and attributes that outcome_of reads.
Excerpt outcome_excerpt(const std::vector<std::string>& quantities = {});

}  // namespace moesim
