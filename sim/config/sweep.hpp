// Expands a config file and the command line into the runs of a sweep.
#pragma once

#include "sim/config/config_file.hpp"
#include "sim/config/options.hpp"

#include <string>
#include <utility>
#include <vector>

namespace moesim {

// RunSpec is one run of a sweep: its settings, and what distinguishes it from the other runs.
struct RunSpec {
  Settings settings;
  // Key and value on each axis of the sweep, without run.seed and without the variant's overrides.
  std::vector<std::pair<std::string, std::string>> varied;
  std::string variant;  // "" without variants
  // The name of the arm for people: the variant, the router, then whatever else varies:
  // "token_choice", "k=2 experts=16", "no_balance soft seeds=3". The seeds of an arm share it.
  std::string label;
};

// Computes the label of a run from its other members. Paths of other runs (init.from) are cut to
// their last two parts, or whole.
enum class RunPaths { cut, whole };
std::string run_label(const RunSpec& run, RunPaths paths = RunPaths::cut);

// ArmChoice is one --arm of the command line: a name or pattern, and settings for these arms alone
// (arms.hpp).
struct ArmChoice {
  std::string name;
  std::vector<std::string> overrides;  // "key=value"
};

// CommandLine is the part of a command line that changes a sweep.
struct CommandLine {
  std::vector<std::string> settings;  // "key=value"; a list ("a,b", "1..4") makes an axis
  std::vector<ArmChoice> arms;        // empty: all arms
  CommandLine(std::vector<std::string> s = {}, std::vector<ArmChoice> a = {})
      : settings(std::move(s)), arms(std::move(a)) {}
};

// Returns every run of the sweep in order: variants vary slowest, then zips, then the lines of
// [sweep], the last line fastest. The command line has precedence, over variants too; `notes`
// receives a sentence for each variant setting that it replaced. Throws Exit::usage.
std::vector<RunSpec> expand(const ConfigFile& file, const CommandLine& line,
                            std::vector<std::string>* notes = nullptr);

// The name of a run's folder: "token_choice-s0-1a2b3c4d". Only [A-Za-z0-9._-]; at most 80
// characters of the label.
std::string run_folder_name(const RunSpec& run, const std::string& seed, const std::string& hash8);

}  // namespace moesim
