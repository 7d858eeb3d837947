#include "analysis/runs/outcome.hpp"

#include "analysis/statistics/sample.hpp"
#include "sim/config/resolved.hpp"

#include <cmath>
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

// A whole number, which a double holds up to 2^53 only.
std::optional<std::int64_t> seed_of(const Run& run) {
  const auto found = run.file.attributes().find("seed");
  if (found == run.file.attributes().end()) return std::nullopt;
  if (const auto* whole = std::get_if<std::int64_t>(&found->second)) return *whole;
  constexpr double kExact = 9007199254740992;
  const double number = run.number("seed");
  if (!(std::abs(number) <= kExact) || std::trunc(number) != number) return std::nullopt;
  return static_cast<std::int64_t>(number);
}

std::map<std::string, std::string> settings_of(const Run& run) {
  std::map<std::string, std::string> settings = config::resolved_values(run.file.text("config"));
  if (settings.empty()) return settings;
  // How often something is kept or recorded changes no result.
  std::erase_if(settings, [](const auto& entry) {
    return entry.first == "run.seed" || entry.first == "run.name" ||
           entry.first.starts_with("checkpoint.") || entry.first.starts_with("record.");
  });
  if (!settings.empty()) settings["data.sha256"] = run.file.text("data_sha256");
  return settings;
}

}  // namespace

Excerpt outcome_excerpt() {
  constexpr std::int64_t kSteps = 1 << 20;
  Excerpt excerpt{{}, {{"step", 1}, {"tokens", kSteps}, {"seconds", kSteps}}};
  for (const char* name :
       {"eval_loss", "eval_loss_error", "eval_sequences", "eval_accuracy", "eval_domain_nmi",
        "eval_dropped", "eval_assignments", "eval_load_cv", "eval_dead_experts"})
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
  outcome.seed = seed_of(run);
  outcome.settings = settings_of(run);
  outcome.steps = last_value(run, "step", "step");
  outcome.loss = last_value(run, "eval_loss", "eval");
  outcome.loss_error = last_value(run, "eval_loss_error", "eval");
  outcome.evaluated = last_value(run, "eval_sequences", "eval");
  outcome.validation = run.number("validation_sequences");
  // The loss of a perfect predictor is not negative; data of which it is unknown may say -1.
  const double bayes_loss = run.number("bayes_loss");
  outcome.regret = bayes_loss >= 0 ? outcome.loss - bayes_loss : kNone;
  outcome.uniform_loss = run.number("uniform_loss");
  outcome.unknown = run.number("unknown_characters");
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
