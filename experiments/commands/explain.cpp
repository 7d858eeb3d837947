// moesim explain: explains the settings of a run in formulas with its numbers.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/arm_arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/known_options.hpp"
#include "experiments/explain/dialect_settings.hpp"
#include "experiments/explain/differences.hpp"
#include "experiments/explain/explanation.hpp"
#include "experiments/explain/subject.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <iostream>

namespace moesim {
namespace {

using Json = nlohmann::ordered_json;

// True for "study.ini", "study.ini:token_choice k=2" and "study.ini:dense:run.steps=5"; false for
// "run.steps=5". A key has no colon.
bool names_subject(const std::string& word) {
  const std::size_t equals = word.find('=');
  return equals == word.npos || word.find(':') < equals;
}

// The one arm of a subject; `how` tells how to choose one.
PlannedRun only_arm(const std::vector<PlannedRun>& arms, const std::string& what,
                    const std::string& how) {
  if (arms.size() == 1) return arms.front();
  std::vector<std::string> names;
  names.reserve(arms.size());
  for (const PlannedRun& run : arms) names.push_back(run.spec.label);
  fail(Exit::usage, fmt::format("command line: {} has {} arms, and one is needed: {}; there are {}",
                                config::printable(what), arms.size(), how, joined(names)));
}

void print_dialect(const PlannedRun& run, const std::string& name, bool json) {
  const DialectSettings settings = dialect_settings(choose_dialect(name, carried_from(run)), run);
  if (json)
    std::cout << dialect_json(settings).dump(2) << '\n';
  else
    std::cout << dialect_text(settings, text_width());
}

}  // namespace

Arguments explain_arguments() {
  Arguments arguments(
      "explain CONFIG|RUN|ROUTER [OTHER] [key=value ...]",
      "Explains settings in formulas with the numbers of this run: scores, selection, "
      "gates, "
      "capacity, who is dropped, losses, state, evaluation, what a token sees, cost. Two subjects: "
      "what differs between them. A subject is a config file or study, a run's folder or file, an "
      "experiment's folder, or the name of a router; SUBJECT:ARM is one of its arms, "
      "SUBJECT:ARM:key=value with another setting.");
  arguments.list("arm", kArmHelp)
      .value("as", "",
             fmt::format("the settings that do what this library does, as part of a config file; "
                         "LIBRARY:VARIANT for another of its gates; libraries: {}",
                         joined(dialect_libraries())),
             {dialect_libraries()})
      .flag("json", "print one JSON document");
  return arguments;
}

int explain_command(const Words& words) {
  Arguments arguments = explain_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("explain what?");
  std::vector<std::string> subjects, settings;
  for (const std::string& word : arguments.rest())
    (names_subject(word) ? subjects : settings).push_back(word);
  if (subjects.empty() || subjects.size() > 2)
    fail(Exit::usage, fmt::format("command line: explain takes one subject or two, here are {}",
                                  subjects.size()));
  const std::string as = arguments.text("as");
  if (arguments.given("as")) choose_dialect(as, {});  // a wrong name, before anything is built
  if (!as.empty() && subjects.size() == 2)
    fail(Exit::usage, "command line: --as takes one subject");
  const bool json = arguments.has("json");
  const auto routers = router_names();
  std::vector<std::vector<PlannedRun>> arms;
  arms.reserve(subjects.size());
  for (const std::string& subject : subjects)
    arms.push_back(arms_of_subject(subject, settings, arms_of(arguments), routers));

  if (!as.empty()) {
    print_dialect(only_arm(arms[0], subjects[0], "choose it with --arm"), as, json);
    return 0;
  }
  if (subjects.size() == 2) {
    const std::string how = "write SUBJECT:ARM";
    Differences found =
        differences(only_arm(arms[0], subjects[0], how), only_arm(arms[1], subjects[1], how));
    // Two arms of one name are told apart by what was given.
    if (found.first == found.second) found.first = subjects[0], found.second = subjects[1];
    if (json)
      std::cout << differences_json(found).dump(2) << '\n';
    else
      std::cout << differences_text(found, text_width());
    return 0;
  }
  Json document = {{"arms", Json::array()}};
  for (std::size_t i = 0; i < arms[0].size(); ++i) {
    const ArmExplanation arm = explain_arm(arms[0][i]);
    if (json)
      document["arms"].push_back(explanation_json(arm));
    else
      std::cout << (i == 0 ? "" : "\n") << explanation_text(arm, text_width());
  }
  if (json) std::cout << document.dump(2) << '\n';
  return 0;
}

}  // namespace moesim
