#include "analysis/tables/curve.hpp"

#include "analysis/tables/expert_load.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace moesim {
namespace {

// The variable that labels the first dimension, by the dimension's name.
const std::map<std::string, std::string> kSteps = {
    {"step", "step"}, {"eval", "eval_step"}, {"record", "record_step"}};

// Labelled selects one label of a dimension, or the mean over all.
struct Labelled {
  std::size_t first = 0, count = 1;
};

std::vector<std::string> labels_of(const Run& run, const std::string& dim, std::size_t count) {
  std::vector<std::string> labels;
  const Variable* variable = run.file.find(dim);
  if (variable != nullptr && variable->texts.size() == count) return variable->texts;
  for (std::size_t i = 0; i < count; ++i) {
    const bool known = variable != nullptr && variable->values.size() == count;
    labels.push_back(std::to_string(known ? static_cast<std::int64_t>(variable->values[i])
                                          : static_cast<std::int64_t>(i)));
  }
  return labels;
}

Labelled choose(const std::vector<std::string>& labels, const std::string& label,
                const std::string& what) {
  const auto found = std::find(labels.begin(), labels.end(), label);
  if (found != labels.end()) return {static_cast<std::size_t>(found - labels.begin()), 1};
  std::vector<std::string> shown;
  for (const std::string& each : labels) shown.push_back(config::printable(each));
  fail(Exit::usage, config::printable(what) +
                        (label.empty() ? " has several values"
                                       : ": there is no '" + config::printable(label) + "'") +
                        ": take one of " + joined(shown));
}

// Returns the mean of the values that are not NaN.
double mean_of(const double* first, std::size_t count) {
  double sum = 0;
  std::size_t known = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (!std::isnan(first[i])) {
      sum += first[i];
      ++known;
    }
  return known == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(known);
}

}  // namespace

Quantity quantity_of(const std::string& text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos) return {text};
  return {text.substr(0, slash), text.substr(slash + 1)};
}

Excerpt curve_excerpt(const Quantity& quantity) {
  Excerpt excerpt{{}, {{quantity.name, kAllRows}}};
  for (const char* labels : {"layer", "domain", "aux", "expert"})
    excerpt.last_rows[labels] = kMostLabels;
  for (const auto& [dim, steps] : kSteps) excerpt.last_rows[steps] = kAllRows;
  return excerpt;
}

std::optional<Curve> curve_of(const Run& run, const Quantity& quantity,
                              const std::optional<std::int64_t>& layer) {
  const Variable* variable = run.file.find(quantity.name);
  if (variable == nullptr) return std::nullopt;
  const auto steps = variable->dims.empty() ? kSteps.end() : kSteps.find(variable->dims[0]);
  if (steps == kSteps.end() || variable->type == Variable::Type::text)
    fail(Exit::usage, config::printable(quantity.name) +
                          " is no curve: it is not recorded over step, eval or record");
  const Variable* x = run.variable(steps->second, {steps->first});
  if (x == nullptr || x->values.size() != static_cast<std::size_t>(variable->shape[0]))
    fail(Exit::data, run.path + ": " + config::printable(quantity.name) + " has no " +
                         steps->second + " of the same length");

  Curve curve{.x = x->values, .y = {}, .axis = steps->first, .units = variable->units};
  const std::vector<std::string>& dims = variable->dims;
  const bool has_layers = dims.size() > 1 && dims[1] == "layer";
  const std::size_t own = has_layers ? 2 : 1;
  if (dims.size() > own + 1)
    fail(Exit::usage, config::printable(quantity.name) +
                          " has too many dimensions for a curve; take --table tidy");
  const std::size_t layers = has_layers ? static_cast<std::size_t>(variable->shape[1]) : 1;
  const std::size_t inner = dims.size() > own ? static_cast<std::size_t>(variable->shape[own]) : 1;

  Labelled of_layers{0, layers}, of_inner;
  if (layer && !has_layers)
    fail(Exit::usage, config::printable(quantity.name) + " is not recorded by layer");
  if (layer && has_layers)
    of_layers = choose(labels_of(run, "layer", layers), std::to_string(*layer),
                       quantity.name + " by layer");
  if (dims.size() > own)
    of_inner = choose(labels_of(run, dims[own], inner), quantity.label,
                      quantity.name + " by " + dims[own] + " (NAME/LABEL)");
  else if (!quantity.label.empty())
    fail(Exit::usage, config::printable(quantity.name) + " has no '" +
                          config::printable(quantity.label) + "': it has one value per step" +
                          (has_layers ? " and layer" : ""));
  curve.layers_averaged = has_layers && of_layers.count > 1;

  std::vector<double> values(of_layers.count);
  for (std::size_t row = 0; row < curve.x.size(); ++row) {
    for (std::size_t l = 0; l < of_layers.count; ++l)
      values[l] =
          variable->values.at((row * layers + of_layers.first + l) * inner + of_inner.first);
    curve.y.push_back(mean_of(values.data(), values.size()));
  }
  return curve;
}

std::vector<std::string> quantities_of(const Run& run) {
  std::vector<std::string> names;
  for (const Variable& variable : run.file.variables())
    if (!variable.dims.empty() && kSteps.contains(variable.dims[0]) &&
        variable.type != Variable::Type::text && variable.name != kSteps.at(variable.dims[0]) &&
        variable.name != variable.dims[0])
      names.push_back(variable.name);
  return names;
}

}  // namespace moesim
