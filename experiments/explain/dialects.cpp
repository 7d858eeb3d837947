#include "experiments/explain/dialects.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

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

// True if a dialect of the library suits the config.
bool has_counterpart(const std::string& library, const Carried& from) {
  const std::vector<Dialect>& all = dialects();
  return std::any_of(all.begin(), all.end(), [&](const Dialect& each) {
    return each.library == library && each.suits(from);
  });
}

bool is_number(const std::string& text, double& value) {
  return config::parse(text, value) == std::errc{};
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
  const auto suited =
      std::find_if(own.begin(), own.end(), [&](const Dialect* each) { return each->suits(from); });
  return suited == own.end() ? *own.front() : **suited;
}

Carried carried_to(const Dialect& dialect, const Carried& from) {
  if (from.router == dialect.router) return from;
  Carried some{from.router, {}};
  if (!from.has("k")) return some;
  for (const char* key : kShared)
    if (from.has(key)) some.values[key] = from.values.at(key);
  return some;
}

std::string dialect_text(const Dialect& dialect, const Carried& from) {
  std::string text = fmt::format("# {}: {}\n", dialect.name(), dialect.gate);
  if (!has_counterpart(dialect.library, from))
    text += fmt::format("# {} has no gate like router.name = {}: these are the settings of {}\n",
                        dialect.library, from.router, dialect.name());
  std::string elsewhere, own;
  for (const auto& [key, value] : dialect.lines(carried_to(dialect, from))) {
    const std::size_t dot = key.rfind('.');
    if (dot == key.npos)
      own += fmt::format("{} = {}\n", key, value);
    else
      elsewhere += fmt::format("[{}]\n{} = {}\n", key.substr(0, dot), key.substr(dot + 1), value);
  }
  text += fmt::format("[router]\nname = {}\n{}[router.{}]\n{}", dialect.router, elsewhere,
                      dialect.router, own);
  text += "# not reproduced:\n";
  if (dialect.differs.empty()) text += "#   nothing that is known\n";
  for (const std::string& each : dialect.differs) text += "#   " + each + "\n";
  text += "# proven by golden files, outputs to 1e-10 in double:\n";
  if (dialect.proofs.empty()) text += "#   none: the library's code was read, not run\n";
  for (const Proof& proof : dialect.proofs)
    text += fmt::format("#   {}{}\n", proof.family, proof.cases.empty() ? "" : ": " + proof.cases);
  return text;
}

nlohmann::ordered_json dialect_json(const Dialect& dialect, const Carried& from) {
  using Json = nlohmann::ordered_json;
  Json json = {
      {"library", dialect.library}, {"variant", dialect.variant},
      {"gate", dialect.gate},       {"counterpart", has_counterpart(dialect.library, from)},
      {"settings", Json::object()}, {"not_reproduced", dialect.differs},
      {"proofs", Json::array()}};
  json["settings"]["router.name"] = dialect.router;
  for (const auto& [key, value] : dialect.lines(carried_to(dialect, from)))
    json["settings"][key.find('.') == key.npos ? "router." + dialect.router + "." + key : key] =
        value;
  for (const Proof& proof : dialect.proofs)
    json["proofs"].push_back({{"family", proof.family}, {"cases", proof.cases}});
  return json;
}

}  // namespace moesim
