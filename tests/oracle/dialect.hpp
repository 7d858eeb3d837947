// Reads the settings of a published library, as `moesim explain --as` prints them.
#pragma once

#include "experiments/explain/dialect_settings.hpp"
#include "sim/config/parser.hpp"
#include "sim/core/error.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <string>

namespace moesim::testing {

// The dialect of this full name, "deepspeed:top2".
inline const Dialect& dialect_named(const std::string& name) {
  for (const Dialect& each : dialects())
    if (each.name() == name) return each;
  fail(Exit::internal, "there is no dialect " + name);
}

// The settings of its router, read from its printed text, for a config of the same router that sets
// these values.
inline OptionValues as(const std::string& name, const OptionValues& values) {
  const Dialect& dialect = dialect_named(name);
  const ConfigFile file = parse_config(
      dialect_text(dialect_settings(dialect, Carried{dialect.router, values}), 400), "printed");
  OptionValues options;
  const std::string prefix = "router." + dialect.router + ".";
  for (const auto& [key, setting] : file.values)
    if (key.starts_with(prefix)) options[key.substr(prefix.size())] = setting.value;
  if (file.values.at("router.name").value != dialect.router)
    fail(Exit::internal, name + " prints another router than it declares");
  return options;
}

}  // namespace moesim::testing
