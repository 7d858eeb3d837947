// AnalysisArguments holds the options that export, plot and report share: runs, arms and
// evaluation.
#pragma once

#include "analysis/runs/load.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/arm_arguments.hpp"

#include <optional>
#include <string>
#include <vector>

namespace moesim {

struct AnalysisArguments {
  Request request;
  std::vector<std::string> arms;  // --arm; empty: all
  std::string baseline;           // --baseline; "": the table's own choice
  std::string at = "last";        // --at: "last", "best" or the number of a step
  std::string target_text;        // --target: a loss or "baseline"; "": none
  std::optional<double> target;   // the value of target_text, if it is a loss
};

// Adds --all, --arm, --baseline, --at and --target.
void add_analysis_arguments(Arguments& arguments);
// Reads their values; the words that are not options are paths. Throws Exit::usage; without a path,
// with the question ("export what?").
AnalysisArguments analysis_arguments(const Arguments& arguments, const std::string& question);

}  // namespace moesim
