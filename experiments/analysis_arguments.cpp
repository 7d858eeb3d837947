#include "experiments/analysis_arguments.hpp"

#include "analysis/runs/at.hpp"
#include "experiments/run_state.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

namespace moesim {
namespace {

// A loss, if it is one; "baseline" is none.
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
  arguments.flag("all", "the runs of earlier sweeps too, not those of the latest plan alone")
      .list("arm",
            "these arms alone: NAME,NAME; a name with a comma in double quotes, or --arm several "
            "times")
      .value("baseline", "", "arm to compare with; the first of router dense otherwise")
      .value("at", "last", "evaluation: last, best (lowest loss of the run) or a step",
             {{"last", "best"}})
      .value("target", "",
             "loss to reach, for what it takes to reach it; 'baseline': the baseline's last",
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

std::vector<std::string> names_in(const std::string& list, const std::string& option) {
  const auto reject = [&](const std::string& why) {
    fail(Exit::usage, "command line: " + option + " " + config::printable(list) + ": " + why);
  };
  std::vector<std::string> names;
  std::string name;
  bool quoted = false, was_quoted = false;
  int depth = 0;
  const auto finish = [&] {
    if (!was_quoted) name = std::string(config::trimmed(name));
    if (name.empty()) reject("a name is empty; write NAME,NAME");
    names.push_back(std::move(name));
    name.clear();
    was_quoted = false;
    depth = 0;
  };
  for (std::size_t i = 0; i < list.size(); ++i) {
    const char c = list[i];
    if (quoted) {
      if (c != '"') {
        name += c;
      } else if (i + 1 < list.size() && list[i + 1] == '"') {
        name += list[++i];
      } else {
        quoted = false;
      }
    } else if (c == '"' && config::trimmed(name).empty() && !was_quoted) {
      quoted = was_quoted = true;
      name.clear();
    } else if (c == ',' && depth == 0) {
      finish();
    } else if (was_quoted) {
      if (c != ' ') reject("a comma is missing behind a name in double quotes");
    } else {
      depth += c == '(' ? 1 : c == ')' && depth > 0 ? -1 : 0;
      name += c;
    }
  }
  if (quoted) reject("the double quotes do not close");
  finish();
  return names;
}

}  // namespace moesim
