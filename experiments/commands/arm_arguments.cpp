#include "experiments/commands/arm_arguments.hpp"

#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

namespace moesim {

std::vector<ArmChoice> arms_of(const Arguments& arguments) {
  std::vector<ArmChoice> all;
  for (const std::string& list : arguments.texts("arm"))
    for (ArmChoice& choice : arm_choices(names_in(list, "--arm"))) all.push_back(std::move(choice));
  return all;
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
