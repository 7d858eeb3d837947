#include "sim/train/parameter_rules.hpp"

#include "sim/config/name_patterns.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace moesim {
namespace {

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  names.reserve(parameters.size());
  for (const Parameter& p : parameters) names.push_back(p.name);
  return names;
}

// Calls apply(p) for the parameters that match; rejects a pattern without a match.
void for_matching(const std::string& pattern, std::vector<Parameter>& parameters, Options& options,
                  const std::string& key, const std::function<void(Parameter&)>& apply) {
  bool found = false;
  for (Parameter& p : parameters) {
    if (!matches_name(pattern, p.name)) continue;
    found = true;
    apply(p);
  }
  if (!found)
    options.reject(key, fmt::format("no parameter matches {}; {}", config::printable(pattern, 200),
                                    names_near(pattern, names_of(parameters))));
}

void freeze_matching(Options& options, std::vector<Parameter>& parameters) {
  const std::string patterns = options.text(
      "parameters", "",
      "frozen parameters: shell patterns for their full names, separated by spaces or, in a file, "
      "commas; the last pattern that matches a name holds, and !PATTERN leaves parameters trained; "
      "empty: none, but with [adapter] all but the adapters");
  const std::vector<std::string> names = names_of(parameters);
  const bool adapted = std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return matches_name("adapters.*", name);
  });
  const std::set<std::string> frozen = chosen_names(
      options, "parameters", patterns.empty() && adapted ? "* !adapters.*" : patterns, names);
  for (Parameter& p : parameters)
    if (frozen.contains(p.name)) freeze(p);
}

// Reads PATTERN:number items. -> the number by name
std::map<std::string, double> read_numbers(Options& options, const std::string& key, double most,
                                           const std::string& help,
                                           std::vector<Parameter>& parameters) {
  std::map<std::string, double> numbers;
  for (const std::string& item : words_of(options.text(key, "", help))) {
    const std::size_t colon = item.rfind(':');
    double value = 0;
    if (colon == 0 || colon == std::string::npos ||
        config::parse(std::string_view(item).substr(colon + 1), value) != std::errc{} ||
        value < 0 || value > most)
      options.reject(key, fmt::format("write PATTERN:number with a number from 0 to {}, not {}",
                                      config::shortest(most), config::printable(item, 200)));
    const std::string pattern = item.substr(0, colon);
    bool trained = false;
    for_matching(pattern, parameters, options, key, [&](const Parameter& p) {
      numbers[p.name] = value;
      trained |= !p.frozen;
    });
    if (!trained)
      options.reject(key, fmt::format("has no effect: every parameter that matches {} is frozen; "
                                      "leave it out",
                                      config::printable(pattern, 200)));
  }
  options.keep_silent(key);
  return numbers;
}

index values_of(const std::vector<Parameter>& parameters, bool frozen) {
  index values = 0;
  for (const Parameter& p : parameters)
    if (p.frozen == frozen) values += p.value.size();
  return values;
}

// The parameters that have a number of their own: "0.1: a, b; 2: c".
std::string by_number(const std::map<std::string, double>& numbers) {
  std::map<double, std::vector<std::string>> names;
  for (const auto& [name, number] : numbers) names[number].push_back(name);
  std::string text;
  for (const auto& [number, which] : names)
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : "; ", config::shortest(number), joined(which));
  return text;
}

void explain_rules(const Options& options, const std::vector<Parameter>& parameters,
                   const ParameterRules& rules) {
  if (values_of(parameters, true) > 0) options.explain(Topic::state, trained_text(parameters));
  std::vector<std::string> frozen;
  for (const Parameter& p : parameters)
    if (p.frozen) frozen.push_back(p.name);
  if (!frozen.empty())
    options.explain(Topic::state,
                    "frozen, without gradient, moments and weight decay: " + joined(frozen));
  if (!rules.rate.empty())
    options.explain(Topic::state, "the learning rate times " + by_number(rules.rate));
  if (!rules.decay.empty()) options.explain(Topic::state, "weight decay " + by_number(rules.decay));
}

}  // namespace

std::string trained_text(const std::vector<Parameter>& parameters) {
  const index frozen = values_of(parameters, true), trained = values_of(parameters, false);
  if (trained == 0)
    return fmt::format("all {} parameters are frozen: training changes nothing but buffers",
                       frozen);
  return fmt::format("{} of {} parameters are trained", trained, trained + frozen);
}

ParameterRules read_parameter_rules(Settings& settings, std::vector<Parameter>& parameters) {
  Options options(settings, "freeze");
  freeze_matching(options, parameters);
  ParameterRules rules;
  rules.rate = read_numbers(
      options, "rate", 1e6,
      "factors on the learning rate: PATTERN:factor, separated like freeze.parameters; with 0 a "
      "parameter keeps its values, but its gradient counts in clipping",
      parameters);
  rules.decay = read_numbers(options, "decay", 100,
                             "weight decay in place of train.weight_decay: PATTERN:value, "
                             "separated like freeze.parameters; also of biases and gains",
                             parameters);
  explain_rules(options, parameters, rules);
  return rules;
}

}  // namespace moesim
