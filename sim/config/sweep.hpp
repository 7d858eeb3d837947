// From a config file to the runs that it asks for.
#pragma once

#include "sim/config/config_file.hpp"
#include "sim/config/options.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

struct RunSpec {
  Settings settings;
  // Key and value on each axis of the sweep, without run.seed and without the variant's overrides.
  std::vector<std::pair<std::string, std::string>> varied;
  std::string variant;  // "" without variants
  // What tells this arm from the others, for people: the variant, the router, then what else
  // varies: "token_choice", "k=2 experts=16", "no_balance soft seeds=3". Equal for the seeds of one
  // arm.
  std::string label;
};

// The label of a run, from its other members.
std::string run_label(const RunSpec& run);

// Arms that the command line chooses by name, and settings for them alone (arms.hpp).
struct ArmChoice {
  std::string name;
  std::vector<std::string> overrides;  // "key=value"
};

struct CommandLine {
  std::vector<std::string> settings;  // "key=value"; a list ("a,b", "1..4") makes an axis
  std::vector<ArmChoice> arms;        // none: all
  CommandLine(std::vector<std::string> s = {}, std::vector<ArmChoice> a = {})
      : settings(std::move(s)), arms(std::move(a)) {}
};

// Every run of the sweep, in order: variants vary slowest, then zips, then the lines of [sweep],
// the last fastest. The command line has the last word, over variants too; `notes` gets what it
// replaced there. Throws Exit::usage.
std::vector<RunSpec> expand(const ConfigFile& file, const CommandLine& line,
                            std::vector<std::string>* notes = nullptr);

// Name of the folder of a run: "token_choice-s0-1a2b3c4d". Only [A-Za-z0-9._-], at most 80 of the
// label.
std::string run_folder_name(const RunSpec& run, const std::string& seed, const std::string& hash8);

}  // namespace moesim
