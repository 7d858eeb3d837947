#include "analysis/outcome.hpp"

#include "analysis/statistics.hpp"

#include <limits>
#include <numeric>
#include <vector>

namespace moesim {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

double last_value(const Run& run, const std::string& name, const std::string& dim) {
  const Variable* variable = run.variable(name, {dim});
  return variable == nullptr || variable->values.empty() ? kNone : variable->values.back();
}

// The values of all layers at the last evaluation.
std::vector<double> last_layers(const Run& run, const std::string& name) {
  const Variable* variable = run.variable(name, {"eval", "layer"});
  if (variable == nullptr || variable->values.empty()) return {};
  return {variable->values.end() - variable->shape[1], variable->values.end()};
}

double drops_percent(const Run& run) {
  const std::vector<double> dropped = last_layers(run, "eval_dropped");
  const std::vector<double> assignments = last_layers(run, "eval_assignments");
  std::vector<double> percents;
  for (std::size_t layer = 0; layer < dropped.size() && layer < assignments.size(); ++layer)
    if (assignments[layer] > 0) percents.push_back(100 * dropped[layer] / assignments[layer]);
  return sample_of(percents).mean;
}

// `tokens` is a total, `seconds` the time of one step.
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

}  // namespace

Excerpt outcome_excerpt() {
  constexpr std::int64_t kSteps = 1 << 20;
  Excerpt excerpt{{}, {{"step", 1}, {"tokens", kSteps}, {"seconds", kSteps}}};
  for (const char* name : {"eval_loss", "eval_accuracy", "eval_domain_nmi", "eval_dropped",
                           "eval_assignments", "eval_load_cv", "eval_dead_experts"})
    excerpt.last_rows[name] = 1;
  return excerpt;
}

Outcome outcome_of(const Run& run) {
  Outcome outcome;
  outcome.path = run.path;
  outcome.router = run.file.text("router", "unknown");
  outcome.arm = run.file.text("arm", outcome.router);
  outcome.status = run.file.text("status", "unknown");
  outcome.sees = run.file.text("sees");
  outcome.seed = run.number("seed");
  outcome.steps = last_value(run, "step", "step");
  outcome.loss = last_value(run, "eval_loss", "eval");
  // The loss of a perfect predictor is not negative; data of which it is unknown may say -1.
  const double bayes_loss = run.number("bayes_loss");
  outcome.regret = bayes_loss >= 0 ? outcome.loss - bayes_loss : kNone;
  outcome.accuracy = last_value(run, "eval_accuracy", "eval");
  outcome.domain_nmi = sample_of(last_layers(run, "eval_domain_nmi")).mean;
  outcome.drops_percent = drops_percent(run);
  outcome.load_cv = sample_of(last_layers(run, "eval_load_cv")).mean;
  const std::vector<double> dead = last_layers(run, "eval_dead_experts");
  outcome.dead_experts = dead.empty() ? kNone : std::accumulate(dead.begin(), dead.end(), 0.0);
  outcome.parameters_total = run.number("parameters_total");
  outcome.parameters_active = run.number("parameters_active");
  outcome.flops_per_token = run.number("flops_per_token");
  outcome.tokens_per_second = tokens_per_second(run);
  outcome.leak = run.number("leak");
  return outcome;
}

}  // namespace moesim
