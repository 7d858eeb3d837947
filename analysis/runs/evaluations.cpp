#include "analysis/runs/evaluations.hpp"

#include "analysis/statistics/sample.hpp"
#include "sim/moe/layer_statistics.hpp"
#include "sim/record/drops_window.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <variant>

namespace moesim {
namespace {

using Numbers = std::vector<double>;
// Reduces the values of one row (one per layer) to one value.
using Summary = std::function<double(const Numbers&)>;

double mean_of(const Numbers& values) { return sample_of(values).mean; }

double sum_of(const Numbers& values) {
  return values.empty() ? kNone : std::accumulate(values.begin(), values.end(), 0.0);
}

// Rows gives access to a variable's rows counted from the last one: an excerpt has only the latest
// rows, and their number differs between variables.
class Rows {
 public:
  explicit Rows(const Variable* variable) : variable_(variable) {
    if (variable == nullptr || variable->values.empty() || variable->shape.empty()) return;
    count_ = static_cast<std::size_t>(variable->shape[0]);
    width_ = count_ == 0 ? 0 : variable->values.size() / count_;
  }
  std::size_t count() const { return count_; }
  // Returns the row `back` before the last; empty if it does not exist.
  Numbers row(std::size_t back) const {
    if (back >= count_) return {};
    const auto end = variable_->values.end() - static_cast<std::ptrdiff_t>(back * width_);
    return {end - static_cast<std::ptrdiff_t>(width_), end};
  }
  double number(std::size_t back) const {
    const Numbers values = row(back);
    return values.empty() ? kNone : values[0];
  }

 private:
  const Variable* variable_;
  std::size_t count_ = 0, width_ = 0;
};

struct Measure {
  const char* name;
  double EvaluationPoint::*field;
};
constexpr Measure kPlain[] = {{"eval_loss", &EvaluationPoint::loss},
                              {"eval_step", &EvaluationPoint::step},
                              {"eval_loss_error", &EvaluationPoint::loss_error},
                              {"eval_loss_from", &EvaluationPoint::loss_from},
                              {"eval_loss_dropless", &EvaluationPoint::loss_dropless},
                              {"eval_loss_training", &EvaluationPoint::loss_training},
                              {"eval_sequences", &EvaluationPoint::sequences},
                              {"eval_accuracy", &EvaluationPoint::accuracy}};
constexpr Measure kLayered[] = {{"eval_domain_nmi", &EvaluationPoint::domain_nmi},
                                {"eval_load_cv", &EvaluationPoint::load_cv},
                                {"eval_max_violation", &EvaluationPoint::max_violation},
                                {"eval_router_entropy", &EvaluationPoint::entropy},
                                {"eval_dead_experts", &EvaluationPoint::dead_experts}};

Rows layered(const Run& run, const char* name) {
  return Rows(run.variable(name, {"eval", "layer"}));
}

double percent_dropped(const Numbers& dropped, const Numbers& assignments) {
  Numbers percents;
  for (std::size_t layer = 0; layer < std::min(dropped.size(), assignments.size()); ++layer)
    if (assignments[layer] > 0) percents.push_back(100 * dropped[layer] / assignments[layer]);
  return mean_of(percents);
}

// Sets the tokens and seconds of training before each evaluation.
void add_training(const Run& run, std::vector<EvaluationPoint>& evaluations) {
  const Variable* step = run.variable("step", {"step"});
  const Variable* tokens = run.variable("tokens", {"step"});
  const Variable* seconds = run.variable("seconds", {"step"});
  if (step == nullptr) return;
  const Numbers& steps = step->values;
  const auto aligned = [&](const Variable* variable) {
    return variable != nullptr && variable->values.size() == steps.size();
  };
  // The total is unknown if the first steps were not read.
  const bool whole = aligned(seconds) && !steps.empty() && steps[0] == 0;
  Numbers total{0};
  if (whole)
    for (const double second : seconds->values) total.push_back(total.back() + second);
  for (EvaluationPoint& evaluation : evaluations) {
    if (std::isnan(evaluation.step)) continue;
    const auto after = std::lower_bound(steps.begin(), steps.end(), evaluation.step);
    const auto done = static_cast<std::size_t>(after - steps.begin());
    if (aligned(tokens) && (done > 0 || evaluation.step == 0))
      evaluation.tokens = done > 0 ? tokens->values[done - 1] : 0;
    if (whole) evaluation.seconds = total[done];
  }
}

// Computes EvaluationPoint::train_drops_percent. Rows of the three variables are aligned at the
// last one.
void add_training_drops(const Run& run, std::vector<EvaluationPoint>& evaluations) {
  const Variable* step = run.variable("record_step", {"record"});
  const Rows dropped(run.variable("dropped", {"record", "layer"}));
  const Rows assignments(run.variable("assignments", {"record", "layer"}));
  if (step == nullptr) return;
  const std::size_t count = std::min({step->values.size(), dropped.count(), assignments.count()});
  const Numbers steps(step->values.end() - static_cast<std::ptrdiff_t>(count), step->values.end());
  Numbers percents(count, kNone);
  for (std::size_t back = 0; back < count; ++back)
    if (const double all = sum_of(assignments.row(back)); all > 0)
      percents[count - 1 - back] = 100 * sum_of(dropped.row(back)) / all;
  for (EvaluationPoint& evaluation : evaluations) {
    if (std::isnan(evaluation.step)) continue;
    const Window window = drops_window(steps, evaluation.step);
    Numbers known;
    for (std::size_t i = window.first; i < window.end; ++i)
      if (!std::isnan(percents[i])) known.push_back(percents[i]);
    evaluation.train_drops_percent = mean_of(known);
  }
}

double number_of_experts(const Run& run) {
  const Variable* experts = run.variable("expert", {"expert"});
  return experts == nullptr ? kNone : static_cast<double>(experts->values.size());
}

// Returns the index, counted from the last, of the last label below `end`.
std::optional<std::size_t> last_before(const Numbers& labels, double end) {
  const auto after = std::lower_bound(labels.begin(), labels.end(), end);
  if (after == labels.begin()) return std::nullopt;
  return static_cast<std::size_t>(labels.end() - after);  // the one before `after`
}

constexpr std::int64_t kSteps = 1 << 20;
constexpr std::int64_t kEvaluations = 1 << 16;
constexpr std::int64_t kLayeredEvaluations = 1 << 12;
constexpr std::int64_t kRecords = kMostDropRecords;

}  // namespace

std::vector<EvaluationPoint> evaluations_of(const Run& run) {
  std::size_t count = 0;
  for (const Measure& measure : kPlain)
    count = std::max(count, Rows(run.variable(measure.name, {"eval"})).count());
  for (const Measure& measure : kLayered)
    count = std::max(count, layered(run, measure.name).count());
  const Rows dropped = layered(run, "eval_dropped"), assignments = layered(run, "eval_assignments");
  count = std::max(count, dropped.count());

  std::vector<EvaluationPoint> evaluations(count);
  for (std::size_t back = 0; back < count; ++back) {
    EvaluationPoint& evaluation = evaluations[count - 1 - back];
    evaluation.drops_percent = percent_dropped(dropped.row(back), assignments.row(back));
  }
  for (const Measure& measure : kPlain) {
    const Rows rows(run.variable(measure.name, {"eval"}));
    for (std::size_t back = 0; back < count; ++back)
      evaluations[count - 1 - back].*measure.field = rows.number(back);
  }
  const double most_entropy = std::log(number_of_experts(run));
  for (const Measure& measure : kLayered) {
    const Rows rows = layered(run, measure.name);
    for (std::size_t back = 0; back < count; ++back) {
      double& value = evaluations[count - 1 - back].*measure.field;
      value = measure.field == &EvaluationPoint::dead_experts ? sum_of(rows.row(back))
                                                              : mean_of(rows.row(back));
      if (measure.field == &EvaluationPoint::entropy)
        value = most_entropy > 0 ? value / most_entropy : kNone;
    }
  }
  add_training(run, evaluations);
  add_training_drops(run, evaluations);
  return evaluations;
}

std::vector<double> quantity_of(const Run& run, const std::string& name,
                                const std::vector<EvaluationPoint>& evaluations) {
  const std::size_t count = std::max<std::size_t>(1, evaluations.size());
  const Variable* variable = run.file.find(name);
  if (variable == nullptr || variable->type == Variable::Type::text) {
    const auto found = run.file.attributes().find(name);
    const bool is_number =
        found != run.file.attributes().end() && !std::holds_alternative<std::string>(found->second);
    return is_number ? Numbers(count, run.number(name)) : Numbers();
  }
  const std::string dimension = variable->dims.empty() ? "" : variable->dims[0];
  if (dimension != "eval" && dimension != "record" && dimension != "step")
    return Numbers(count, mean_of(variable->values));

  const Rows rows(variable);
  if (evaluations.empty()) return {mean_of(rows.row(0))};
  Numbers values(count, kNone);
  const char* label = dimension == "record" ? "record_step" : "step";
  const Variable* labels = dimension == "eval" ? nullptr : run.variable(label, {dimension});
  for (std::size_t i = 0; i < count; ++i) {
    std::optional<std::size_t> back;
    if (dimension == "eval")
      back = count - 1 - i;
    else if (labels != nullptr)
      back = last_before(labels->values, evaluations[i].step);
    if (back) values[i] = mean_of(rows.row(*back));
  }
  return values;
}

std::optional<std::size_t> place_of(const std::vector<EvaluationPoint>& evaluations, const At& at) {
  if (evaluations.empty()) return std::nullopt;
  if (at.kind == At::Kind::last) return evaluations.size() - 1;
  std::optional<std::size_t> place;
  for (std::size_t i = 0; i < evaluations.size(); ++i) {
    if (at.kind == At::Kind::step) {
      if (evaluations[i].step == static_cast<double>(at.step)) place = i;
    } else if (!std::isnan(evaluations[i].loss) &&
               (!place || evaluations[i].loss < evaluations[*place].loss)) {
      place = i;
    }
  }
  return place;
}

void add_evaluations(Excerpt& excerpt) {
  const auto add = [&](const char* name, std::int64_t rows) { excerpt.last_rows[name] = rows; };
  for (const char* name : {"step", "tokens", "seconds"}) add(name, kSteps);
  for (const Measure& measure : kPlain) add(measure.name, kEvaluations);
  for (const Measure& measure : kLayered) add(measure.name, kLayeredEvaluations);
  add("eval_dropped", kLayeredEvaluations);
  add("eval_assignments", kLayeredEvaluations);
  for (const char* name : {"record_step", "dropped", "assignments"}) add(name, kRecords);
  add("expert", kEvaluations);
}

void add_quantity(Excerpt& excerpt, const std::string& name) {
  if (!is_plain_name(name)) return;  // not a valid variable name
  // A row of per-expert data may be large, and an excerpt has a size limit.
  constexpr std::int64_t kByExpert = 256;
  const Statistic* statistic = find_statistic(name);
  const bool by_expert =
      statistic != nullptr ? statistic->per == Statistic::Per::expert : name == "domain_load";
  std::int64_t& rows = excerpt.last_rows[name];
  rows = std::max(rows, by_expert ? kByExpert : kLayeredEvaluations);
  std::int64_t& records = excerpt.last_rows["record_step"];
  records = std::max(records, kEvaluations);
}

const std::vector<std::string>& recorded_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all{"tokens",
                                 "seconds",
                                 "loss",
                                 "task_loss",
                                 "aux_loss",
                                 "grad_norm",
                                 "learning_rate",
                                 "eval_loss",
                                 "eval_loss_error",
                                 "eval_loss_from",
                                 "eval_sequences",
                                 "eval_targets",
                                 "eval_accuracy",
                                 "domain_loss",
                                 "domain_targets",
                                 "domain_load",
                                 "eval_domain_nmi",
                                 "eval_loss_dropless",
                                 "eval_loss_training"};
    for (const Statistic& each : all_statistics()) {
      all.emplace_back(each.name);
      all.push_back(std::string("eval_") + each.name);
    }
    return all;
  }();
  return names;
}

}  // namespace moesim
