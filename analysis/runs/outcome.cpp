#include "analysis/runs/outcome.hpp"

#include "analysis/statistics/sample.hpp"
#include "sim/config/resolved.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

namespace moesim {
namespace {

double last_value(const Run& run, const std::string& name, const std::string& dim) {
  const Variable* variable = run.variable(name, {dim});
  return variable == nullptr || variable->values.empty() ? kNone : variable->values.back();
}

// `tokens` is cumulative, `seconds` is per step.
double tokens_per_second(const Run& run) {
  const Variable* tokens = run.variable("tokens", {"step"});
  const Variable* seconds = run.variable("seconds", {"step"});
  if (tokens == nullptr || seconds == nullptr) return kNone;
  std::vector<double> rates;
  for (std::size_t i = 0; i < tokens->values.size(); ++i) {
    const double before = i > 0 ? tokens->values[i - 1] : 0;
    if (seconds->values[i] > 0) rates.push_back((tokens->values[i] - before) / seconds->values[i]);
  }
  return median_of(rates);
}

// Reads the seed as an integer, since a double is exact only up to 2^53.
std::optional<std::int64_t> seed_of(const Run& run) {
  const auto found = run.file.attributes().find("seed");
  if (found == run.file.attributes().end()) return std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return *whole;
  constexpr double kExact = 9007199254740992;
  const double number = run.number("seed");
  if (!(std::abs(number) <= kExact) || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

// Returns false for settings that do not change results: the frequency of checkpoints and records,
// and the device, which changes only rounding.
bool changes_results(const std::string& key) {
  return key != "run.seed" && key != "run.name" && key != "run.device" && key != "run.graphs" &&
         key != "eval.also" && !key.starts_with("checkpoint.") && !key.starts_with("record.");
}

// Copies the results of an evaluation.
void set(Outcome& outcome, const EvaluationPoint& evaluation) {
  outcome.step = evaluation.step;
  outcome.loss = evaluation.loss;
  outcome.loss_error = evaluation.loss_error;
  outcome.loss_from = evaluation.loss_from;
  outcome.loss_dropless = evaluation.loss_dropless;
  outcome.loss_training = evaluation.loss_training;
  outcome.evaluated = evaluation.sequences;
  outcome.regret = outcome.loss - outcome.bayes_loss;
  outcome.bits_per_byte = outcome.loss / (std::numbers::ln2 * outcome.bytes_per_token);
  outcome.accuracy = evaluation.accuracy;
  outcome.domain_nmi = evaluation.domain_nmi;
  outcome.drops_percent = evaluation.drops_percent;
  outcome.train_drops_percent = evaluation.train_drops_percent;
  outcome.load_cv = evaluation.load_cv;
  outcome.max_violation = evaluation.max_violation;
  outcome.entropy = evaluation.entropy;
  outcome.dead_experts = evaluation.dead_experts;
}

// Returns whether the run may look ahead. The leak is measured at the end of a run, and only for
// causal tasks; before that, the router's declared dependence decides.
bool may_look_ahead(const Run& run, const Outcome& outcome) {
  if (!std::isnan(outcome.leak)) return outcome.leak > 0;
  return run.number("causal") == 1 && outcome.sees == "sequence";
}

// Returns the setting eval.from; NaN if it is 0, or not known.
double from_of(const Outcome& outcome) {
  const auto found = outcome.settings.find("eval.from");
  if (found == outcome.settings.end()) return kNone;
  double from = 0;
  const std::string& text = found->second;
  std::from_chars(text.data(), text.data() + text.size(), from);
  return from > 0 ? from : kNone;
}

}  // namespace

double Outcome::quantity(const std::string& name) const {
  const auto found = quantities.find(name);
  return found == quantities.end() || place >= found->second.size() ? kNone : found->second[place];
}

Excerpt outcome_excerpt(const std::vector<std::string>& quantities) {
  Excerpt excerpt;
  add_evaluations(excerpt);
  for (const std::string& name : quantities) add_quantity(excerpt, name);
  return excerpt;
}

Outcome outcome_of(const Run& run, const std::vector<std::string>& quantities) {
  Outcome outcome;
  outcome.path = run.path;
  outcome.router = run.file.text("router", "unknown");
  outcome.arm = run.file.text("arm", outcome.router);
  if (outcome.router.empty()) outcome.router = "unknown";
  if (outcome.arm.empty()) outcome.arm = outcome.router;  // a row needs a name
  outcome.status = run.file.text("status", "unknown");
  outcome.sees = run.file.text("sees");
  outcome.device = run.file.text("device");
  for (const char* name : {"version", "git", "build"})
    if (const std::string text = run.file.text(name); !text.empty())
      outcome.build += (outcome.build.empty() ? "" : ", ") + text;
  outcome.seed = seed_of(run);
  outcome.settings = config::resolved_values(run.file.text("config"));
  std::erase_if(outcome.settings, [](const auto& entry) { return !changes_results(entry.first); });
  outcome.has_config = !outcome.settings.empty();
  if (const std::string data = run.file.text("data_sha256"); outcome.has_config || !data.empty())
    outcome.settings["data.sha256"] = data;
  outcome.evaluation_sha256 = run.file.text("evaluation_sha256");
  outcome.steps = last_value(run, "step", "step");
  outcome.untrained = !run.file.text("made_from").empty() && std::isnan(outcome.steps);
  outcome.validation = run.number("validation_sequences");
  // The loss of a perfect predictor is not negative; data of which it is unknown may say -1.
  const double bayes_loss = run.number("bayes_loss");
  outcome.bayes_loss = bayes_loss >= 0 ? bayes_loss : kNone;
  outcome.uniform_loss = run.number("uniform_loss");
  outcome.unknown = run.number("unknown_characters");
  const double bytes = run.number("bytes_per_token");
  outcome.bytes_per_token = bytes > 0 ? bytes : kNone;
  outcome.parameters_total = run.number("parameters_total");
  outcome.parameters_active = run.number("parameters_active");
  outcome.parameters_trained = run.number("parameters_trained");
  outcome.flops_per_token = run.number("flops_per_token");
  outcome.train_flops = run.number("train_flops");
  const double before = run.number("flops_before");
  outcome.flops_before = before > 0 ? before : 0;
  outcome.total_flops = outcome.train_flops + outcome.flops_before;
  outcome.flops_per_token_measured = run.number("flops_per_token_measured");
  outcome.tokens_per_second = tokens_per_second(run);
  outcome.leak = run.number("leak");
  outcome.leak_last = run.number("leak_last");
  outcome.looks_ahead = may_look_ahead(run, outcome);
  outcome.from = from_of(outcome);
  outcome.looks_ahead_from = outcome.looks_ahead && !(outcome.leak_last < outcome.from);

  outcome.evaluations = evaluations_of(run);
  for (const std::string& name : quantities)
    if (std::vector<double> values = quantity_of(run, name, outcome.evaluations); !values.empty())
      outcome.quantities[name] = std::move(values);
  const std::vector<EvaluationPoint>& evaluations = outcome.evaluations;
  outcome.place = evaluations.empty() ? 0 : evaluations.size() - 1;
  set(outcome, evaluations.empty() ? EvaluationPoint() : evaluations.back());
  return outcome;
}

Outcome at(const Outcome& outcome, const At& evaluation) {
  Outcome moved = outcome;
  if (evaluation.kind == At::Kind::last) return moved;
  const std::optional<std::size_t> place = place_of(outcome.evaluations, evaluation);
  moved.place = place.value_or(outcome.evaluations.size() + 1);
  set(moved, place ? outcome.evaluations[*place] : EvaluationPoint());
  return moved;
}

std::vector<Outcome> at_all(const std::vector<Outcome>& outcomes, const At& evaluation) {
  std::vector<Outcome> all;
  for (const Outcome& outcome : outcomes) all.push_back(at(outcome, evaluation));
  if (evaluation.kind == At::Kind::step &&
      std::all_of(all.begin(), all.end(),
                  [](const Outcome& outcome) { return std::isnan(outcome.step); }))
    fail(Exit::usage, "--at " + std::to_string(evaluation.step) +
                          ": no run was evaluated after that many steps");
  return all;
}

}  // namespace moesim
