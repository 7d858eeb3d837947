#include "experiments/explain/dialects.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

// Routers of which every token chooses k experts share these options.
constexpr const char* kShared[] = {"k",         "capacity_factor", "capacity_factor_eval",
                                   "normalise", "balance_weight",  "z_weight"};

[[noreturn]] void reject(const std::string& name, const std::vector<std::string>& names) {
  const std::string near = nearest(name, names);
  fail(Exit::usage,
       fmt::format("command line: --as {}: {}choose one of {}", config::printable(name),
                   near.empty() ? "" : "did you mean " + near + "? ", joined(names)));
}

bool is_number(const std::string& text, double& value) {
  return config::parse(text, value) == std::errc{};
}

// The number of settings that the dialect prints for the config, if the config sets all of them; else
// 0.
std::size_t settings_in_force(const Dialect& dialect, const Carried& from) {
  if (from.router != dialect.router) return 0;
  const DialectLines lines = dialect.lines(from);
  const bool all = std::all_of(lines.begin(), lines.end(), [&](const auto& line) {
    return line.first.find('.') != std::string::npos ||
           (from.has(line.first) && same_value(from.values.at(line.first), line.second));
  });
  return all ? lines.size() : 0;
}

}  // namespace

std::string Carried::text(const std::string& key, const std::string& otherwise) const {
  const auto found = values.find(key);
  return found == values.end() ? otherwise : found->second;
}

double Carried::number(const std::string& key, double otherwise) const {
  double value = 0;
  return is_number(text(key, ""), value) ? value : otherwise;
}

std::string Carried::above_zero(const std::string& key, const std::string& otherwise) const {
  return number(key, 0) > 0 ? text(key, otherwise) : otherwise;
}

std::string Carried::live_k(const std::string& otherwise) const {
  return k_is_set || number("k", 1) > 1 ? text("k", otherwise) : otherwise;
}

bool same_value(const std::string& a, const std::string& b) {
  double x = 0, y = 0;
  return a == b || (is_number(a, x) && is_number(b, y) && x == y);
}

std::string balance_of_k(const Carried& from, const std::string& coefficient,
                         const std::string& k) {
  double weight = 0, factor = 1;
  if (from.has("balance_weight") || !is_number(coefficient, weight) || !is_number(k, factor))
    return from.text("balance_weight", coefficient);
  return config::shortest(weight * factor);
}

bool is_single(const Carried& from, double otherwise) { return from.number("k", otherwise) == 1; }

void append(DialectLines& lines, const DialectLines& more) {
  lines.insert(lines.end(), more.begin(), more.end());
}

const std::vector<Dialect>& dialects() {
  static const std::vector<Dialect> all = [] {
    std::vector<Dialect> made = megatron_dialects();
    for (const auto& more : {torch_dialects(), model_dialects(), jax_dialects()})
      made.insert(made.end(), more.begin(), more.end());
    return made;
  }();
  return all;
}

std::vector<std::string> dialect_libraries() {
  std::vector<std::string> names;
  for (const Dialect& each : dialects())
    if (std::find(names.begin(), names.end(), each.library) == names.end())
      names.push_back(each.library);
  return names;
}

const Dialect& choose_dialect(const std::string& name, const Carried& from) {
  const std::size_t colon = name.find(':');
  const std::string library = name.substr(0, colon);
  std::vector<const Dialect*> own;
  for (const Dialect& each : dialects())
    if (each.library == library) own.push_back(&each);
  if (own.empty()) reject(name, dialect_libraries());
  if (colon != name.npos) {
    std::vector<std::string> names;
    for (const Dialect* each : own) {
      if (each->name() == name) return *each;
      names.push_back(each->name());
    }
    reject(name, names);
  }
  const auto already = std::max_element(own.begin(), own.end(), [&](const auto* a, const auto* b) {
    return settings_in_force(*a, from) < settings_in_force(*b, from);
  });
  if (settings_in_force(**already, from) > 0) return **already;
  const auto suited =
      std::find_if(own.begin(), own.end(), [&](const Dialect* each) { return each->suits(from); });
  return suited == own.end() ? *own.front() : **suited;
}

Carried carried_to(const Dialect& dialect, const Carried& from) {
  if (from.router == dialect.router) return from;
  Carried some{from.router, {}, from.k_is_set};
  if (!from.has("k")) return some;
  for (const char* key : kShared)
    if (from.has(key)) some.values[key] = from.values.at(key);
  return some;
}

bool has_counterpart(const std::string& library, const Carried& from) {
  const std::vector<Dialect>& all = dialects();
  return std::any_of(all.begin(), all.end(), [&](const Dialect& each) {
    return each.library == library && each.suits(from);
  });
}

}  // namespace moesim
