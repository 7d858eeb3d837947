#include "experiments/explain/dialect_settings.hpp"

#include "experiments/explain/explanation.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

constexpr const char* kOutputNorm = "moe.output_norm";

std::string full_key(const Dialect& dialect, const std::string& key) {
  return key.find('.') == key.npos ? fmt::format("router.{}.{}", dialect.router, key) : key;
}

std::string value_in(const DialectLines& lines, const std::string& key,
                     const std::string& otherwise) {
  const auto found =
      std::find_if(lines.begin(), lines.end(), [&](const auto& line) { return line.first == key; });
  return found == lines.end() ? otherwise : found->second;
}

std::string origin_of(const Dialect& dialect) { return "--as " + dialect.name(); }

const PlannedOption* option_of(const PlannedRun& run, const std::string& key) {
  const auto found = std::find_if(run.options.begin(), run.options.end(),
                                  [&](const PlannedOption& each) { return each.key == key; });
  return found == run.options.end() ? nullptr : &*found;
}

// The run with the router of the dialect, and these of its options alone.
PlannedRun built(const PlannedRun& run, const Dialect& dialect, const DialectLines& lines) {
  RunSpec spec = run.spec;
  const std::string section = fmt::format("router.{}.", dialect.router);
  const std::map<std::string, Setting> before = spec.settings.values();
  for (const auto& [key, setting] : before)
    if (key.starts_with(section)) spec.settings.unset(key);
  const std::string origin = origin_of(dialect);
  spec.settings.set("router.name", dialect.router, origin);
  spec.settings.set(kOutputNorm, "false", origin);
  for (const auto& [key, value] : lines) spec.settings.set(full_key(dialect, key), value, origin);
  return make_plan({spec}, 1, false).runs.front();
}

// The rule that divides the gates: softmax over the chosen is the same as dividing by their sum.
std::string rule_of(const Carried& values) {
  if (values.text("softmax", "before") == "after") return "sum";
  const std::string rule = values.text("normalise", "auto");
  return rule != "auto" ? rule : values.number("k", 2) == 1 ? "none" : "sum";
}

// True if the option has an effect with these values.
bool has_effect(const std::string& key, const Carried& values) {
  if (key.starts_with("capacity_factor")) return values.number("capacity", 0) == 0;
  if (key.starts_with("capacity") || key == "fill" || key == "group" || key == "dropped")
    return values.number("capacity_factor", 0) > 0 || values.number("capacity", 0) > 0;
  if (key.starts_with("balance_") && key != "balance_weight")
    return values.number("balance_weight", 1) > 0;
  if (key.starts_with("noise_")) return values.text("noise", "gaussian") != "none";
  if (key == "second_threshold") return values.text("second", "all") != "all";
  return key != "softmax" && key != "allow_constant_gate" && key != "normalise_epsilon";
}

// Why the gate cannot have this value of the option; `here` is what it has: "" for nothing.
std::string reason(const std::string& key, const std::string& value, const std::string& here) {
  const bool none = here.empty() || same_value(here, "0");
  const std::string setting = fmt::format("{} = {}: ", key, value);
  if (key.starts_with("capacity_factor") || key == "capacity") {
    if (none) return setting + "this gate has no capacity";
    if (same_value(value, "0"))
      return fmt::format("{}this gate always has a capacity; here it is the library's {}", setting,
                         here);
  }
  if (none && key.ends_with("_weight")) return setting + "this gate has no such loss";
  if (here.empty()) return setting + "this gate has no such option";
  return fmt::format("{}this gate has {}", setting, here);
}

// What of the config the gate does not have. `here`: its settings.
std::vector<std::string> impossible_of(const Carried& from, const Carried& here) {
  std::vector<std::string> sentences;
  for (const auto& [key, value] : from.values) {
    if (!has_effect(key, from) || (key == "k" && !from.k_is_set)) continue;
    const std::string own = here.text(key, "");
    const bool same = key == "normalise" ? rule_of(from) == rule_of(here) : same_value(value, own);
    if (!same) sentences.push_back(reason(key, value, own));
  }
  return sentences;
}

// Keys of the config that are refused, or have precedence over the pasted lines.
std::vector<std::string> removable(const PlannedRun& run, const PlannedRun& now,
                                   const Dialect& dialect) {
  std::vector<std::string> keys;
  const std::string section = fmt::format("router.{}.", dialect.router);
  for (const auto& [key, setting] : run.spec.settings.values())
    if (key.starts_with(section) && option_of(now, key) == nullptr) keys.push_back(key);
  for (const auto& [key, value] : run.spec.varied)
    if (key.starts_with(section) || key == "router.name" || key == kOutputNorm)
      keys.push_back("[sweep] " + key);
  if (!run.spec.variant.empty())
    keys.push_back(fmt::format("[variant.{}] what it sets of {}*", run.spec.variant, section));
  return keys;
}

void add_notes(DialectSettings& settings, const Carried& from) {
  const std::string k = value_in(settings.lines, "k", "");
  if (!from.k_is_set && !k.empty() && !same_value(k, from.text("k", k)))
    settings.notes.push_back(fmt::format(
        "k = {} is the library's own: the config sets none, and with 1 every gate would be 1", k));
  if (value_in(settings.lines, "allow_constant_gate", "false") == "true")
    settings.notes.push_back(
        "with k = 1 every gate is 1, as there: the router gets no gradient from the task");
}

// Options that the config sets, of which those at their default need no counterpart elsewhere.
Carried compared(const Carried& from, const PlannedRun& run, const Dialect& dialect) {
  Carried some = from;
  if (from.router == dialect.router) return some;
  const std::string section = fmt::format("router.{}.", from.router);
  std::erase_if(some.values, [&](const auto& each) {
    const PlannedOption* option = option_of(run, section + each.first);
    const bool shared = each.first == "k" || each.first.starts_with("capacity_factor");
    return !shared && option != nullptr && option->value == option->default_value;
  });
  return some;
}

}  // namespace

DialectSettings dialect_settings(const Dialect& dialect, const Carried& from) {
  DialectSettings settings{
      .dialect = &dialect,
      .counterpart = from.router == dialect.router || has_counterpart(dialect.library, from),
      .lines = dialect.lines(carried_to(dialect, from)),
      .rest = {},
      .impossible = {},
      .notes = {},
      .remove = {}};
  add_notes(settings, from);
  return settings;
}

DialectSettings dialect_settings(const Dialect& dialect, const PlannedRun& run) {
  const Carried from = carried_from(run);
  DialectSettings settings = dialect_settings(dialect, from);
  PlannedRun now;
  try {
    now = built(run, dialect, settings.lines);
  } catch (const Error& error) {
    if (error.code() != Exit::usage) throw;
    settings = dialect_settings(dialect, Carried{from.router, {}});
    const std::string message = error.what();
    const std::string place = origin_of(dialect) + ": ";
    settings.impossible.push_back(
        fmt::format("{}; here are the library's own values",
                    message.substr(message.starts_with(place) ? place.size() : 0)));
    now = built(run, dialect, settings.lines);
  }
  Carried here{dialect.router, {}};
  const std::string section = "router." + dialect.router;
  for (const PlannedOption& option : now.options) {
    const std::string key = config::short_key(option.key);
    if (config::section_of(option.key) != section && option.key != kOutputNorm) continue;
    if (option.key != kOutputNorm) here.values[key] = option.value;
    const std::string name = option.key == kOutputNorm ? option.key : key;
    const auto line = std::find_if(settings.lines.begin(), settings.lines.end(),
                                   [&](const auto& each) { return each.first == name; });
    if (line != settings.lines.end())
      line->second = option.value;
    else
      settings.rest.emplace_back(name, option.value);
  }
  if (settings.impossible.empty() && settings.counterpart) {
    if (from.router != dialect.router)  // what is not printed is no option of this gate
      std::erase_if(here.values, [&](const auto& each) {
        return value_in(settings.lines, each.first, "").empty() && each.first != "normalise";
      });
    settings.impossible = impossible_of(compared(from, run, dialect), here);
  }
  if (!settings.counterpart)
    settings.notes.insert(settings.notes.begin(),
                          fmt::format("{} has no gate like router.name = {}: these are the "
                                      "settings of {}",
                                      dialect.library, from.router, dialect.name()));
  settings.remove = removable(run, now, dialect);
  return settings;
}

}  // namespace moesim
