// Outcome is what a table says about one run.
#pragma once

#include "analysis/runs/evaluations.hpp"
#include "analysis/runs/read.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moesim {

// Numbers are NaN where the run does not have them. What an evaluation says is that of the last
// one, until `at` takes another.
struct Outcome {
  std::string path;
  std::string arm;     // attribute arm, else router
  std::string router;  // "unknown" if the attribute is missing
  std::string status;
  std::string sees;
  std::string build;  // version, git and build
  std::string device;
  std::optional<std::int64_t> seed;
  // All that tells its arm from others, by key: its config without seed, name, device and
  // housekeeping, and the hash of its data, data.sha256. Without a config: the hash alone, if the
  // file has it.
  std::map<std::string, std::string> settings;
  bool has_config = false;
  double steps = 0;            // last step recorded
  double step = 0;             // eval_step of the evaluation
  double loss = 0;             // eval_loss
  double loss_error = 0;       // eval_loss_error
  double evaluated = 0;        // eval_sequences
  double validation = 0;       // attribute validation_sequences: what there was to evaluate
  double bayes_loss = 0;       // attribute, NaN where it is unknown
  double regret = 0;           // loss - bayes_loss
  double uniform_loss = 0;     // attribute: loss of guessing
  double unknown = 0;          // attribute unknown_characters
  double bytes_per_token = 0;  // attribute; NaN if unknown
  double bits_per_byte = 0;    // loss / (ln 2 · bytes_per_token)
  double accuracy = 0;         // eval_accuracy
  double domain_nmi = 0;       // mean over layers
  double drops_percent = 0;    // 100 dropped / assignments, mean over layers
  // The same of training; see EvaluationPoint.
  double train_drops_percent = 0;
  double load_cv = 0;        // mean over layers
  double max_violation = 0;  // mean over layers
  double entropy = 0;        // of the router's scores, over log E; mean over layers
  double dead_experts = 0;   // sum over layers
  double parameters_total = 0, parameters_active = 0, flops_per_token = 0;
  double flops_per_token_measured = 0;  // attribute: with the rows that experts computed
  double tokens_per_second = 0;         // median over the latest 2^20 steps
  double leak = 0;                      // attribute
  bool looks_ahead = false;             // some token's output depends on later tokens, and may not

  std::vector<EvaluationPoint> evaluations = {};               // all
  std::map<std::string, std::vector<double>> quantities = {};  // by name, as quantity_of has them
  std::size_t place = 0;  // of the evaluation among all of them, and in each of the quantities

  // The quantity of that name at the evaluation; NaN if there is none.
  double quantity(const std::string& name) const;
};

Outcome outcome_of(const Run& run, const std::vector<std::string>& quantities = {});
// The same run at another of its evaluations; NaN if it has none there.
Outcome at(const Outcome& outcome, const At& evaluation);
// The same of all; throws Exit::usage if none has an evaluation after so many steps.
std::vector<Outcome> at_all(const std::vector<Outcome>& outcomes, const At& evaluation);

// What of a run file outcome_of needs.
Excerpt outcome_excerpt(const std::vector<std::string>& quantities = {});

}  // namespace moesim
