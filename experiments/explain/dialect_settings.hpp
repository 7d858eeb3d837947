// DialectSettings is a dialect as the settings of one run, with the options of the run that it
// cannot reproduce.
#pragma once

#include "experiments/explain/dialects.hpp"
#include "experiments/sweep/plan.hpp"

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace moesim {

struct DialectSettings {
  const Dialect* dialect = nullptr;
  bool counterpart = true;  // the library has a gate like the config's router
  DialectLines lines;       // the dialect's own, as Dialect::lines
  DialectLines rest;        // every other option of its router, at its default
  // Sentences about this config: what the library cannot do, and what the lines mean.
  std::vector<std::string> impossible, notes;
  std::vector<std::string> remove;  // keys of the config that would have precedence, or be refused
};

// The settings for a config with these values, without the other options of the router, for which
// the router is built.
DialectSettings dialect_settings(const Dialect& dialect, const Carried& from);

// The settings for this run, built once: what the router refuses is among the impossible, and the
// library's own values stand in its place. Throws Exit::usage if it refuses these as well.
DialectSettings dialect_settings(const Dialect& dialect, const PlannedRun& run);

// The settings as part of a config file, ready to paste, with comments of at most `width` columns.
std::string dialect_text(const DialectSettings& settings, std::size_t width);
nlohmann::ordered_json dialect_json(const DialectSettings& settings);

}  // namespace moesim
