// AnalysisArguments is what export, plot and report are asked alike: which runs, which arms, and at
// which evaluation.
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
  std::vector<std::string> arms;  // --arm; none: all
  std::string baseline;           // --baseline; "": the table's own choice
  std::string at = "last";        // --at: "last", "best" or the number of a step
  std::string target_text;        // --target: a loss or "baseline"; "": none
  std::optional<double> target;   // that, if it is a loss
};

// Adds --all, --arm, --baseline, --at and --target.
void add_analysis_arguments(Arguments& arguments);
// Their values; the paths are what is no option. Throws Exit::usage, for no path with the question
// ("export what?").
AnalysisArguments analysis_arguments(const Arguments& arguments, const std::string& question);

}  // namespace moesim
