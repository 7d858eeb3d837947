#include "experiments/commands/analysis_arguments.hpp"

#include "analysis/runs/at.hpp"
#include "experiments/sweep/run_state.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

namespace moesim {
namespace {

// Parses a loss; nothing for "baseline".
std::optional<double> target_of(const Arguments& arguments) {
  double target = 0;
  const std::string text = arguments.text("target");
  if (text.empty() || text == "baseline") return std::nullopt;
  if (config::parse(text, target) == std::errc{}) return target;
  fail(Exit::usage, "command line: --target " + config::printable(text) +
                        ": expected a loss, or baseline for that of the baseline");
}

}  // namespace

void add_analysis_arguments(Arguments& arguments) {
  arguments.flag("all", "include the runs of earlier sweeps, not only those of the latest plan")
      .list("arm",
            "only these arms: NAME,NAME, with * for any characters; quote a name that contains a "
            "comma, or repeat --arm")
      .value("baseline", "", "arm to compare with; default: the first arm with router dense")
      .value("at", "last", "evaluation: last, best (lowest loss of the run) or a step",
             {{"last", "best"}})
      .value("target", "",
             "loss for the cost-to-target columns; 'baseline': the baseline's last loss",
             {{"baseline"}});
}

AnalysisArguments analysis_arguments(const Arguments& arguments, const std::string& question) {
  arguments.require_rest(question);
  AnalysisArguments chosen;
  chosen.request = {
      .paths = arguments.rest(), .all = arguments.has("all"), .status_of = status_now};
  for (const std::string& list : arguments.texts("arm"))
    for (std::string& name : names_in(list, "--arm")) chosen.arms.push_back(std::move(name));
  chosen.baseline = arguments.text("baseline");
  chosen.at = arguments.text("at");
  at_of(chosen.at);  // throws
  chosen.target_text = arguments.text("target");
  chosen.target = target_of(arguments);
  return chosen;
}

}  // namespace moesim
