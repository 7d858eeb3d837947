// moesim reference: prints the manual page and the shell completions.
#include "experiments/commands/reference.hpp"

#include "experiments/commands/commands.hpp"
#include "experiments/commands/known_options.hpp"
#include "experiments/sweep/version.hpp"
#include "sim/config/registry.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/moe/expert.hpp"
#include "sim/moe/router.hpp"

#include <algorithm>
#include <array>
#include <iostream>
#include <sstream>
#include <utility>

namespace moesim {
namespace {

constexpr auto kKinds = std::to_array<std::pair<const char*, std::string (*)(const Reference&)>>({
    {"man", manual_page},
    {"bash", bash_completion},
    {"zsh", zsh_completion},
    {"fish", fish_completion},
});

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0, end = 0;
  while ((end = text.find(separator, begin)) != text.npos) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

void add(Operand& operand, const std::string& placeholder, const std::string& usage) {
  const bool is_word = std::all_of(placeholder.begin(), placeholder.end(),
                                   [](char c) { return (c >= 'a' && c <= 'z') || c == '|'; });
  if (is_word) {
    operand.words = split(placeholder, "|");
  } else if (placeholder == "CONFIG") {
    operand.configs = true;
  } else if (placeholder == "CONFIG|RUN|ROUTER" || placeholder == "OTHER") {
    operand.configs = operand.files = true;
  } else if (placeholder == "PATH" || placeholder == "RUN" || placeholder == "TRACE") {
    operand.files = true;
  } else if (placeholder == "key=value") {
    // After a plug-in's name, keys are those of its section.
    operand.settings = !operand.plugins;
  } else if (placeholder == "ROUTER|EXPERT") {
    operand.plugins = true;
  } else if (placeholder != "PATTERN") {
    fail_in("reference", "moesim " + usage + ": unknown placeholder " + placeholder);
  }
}

}  // namespace

Operands operands_of(const std::string& usage) {
  Operands operands;
  std::istringstream words(usage);
  std::string word;
  words >> word;  // the command
  bool is_first = true, may_be_first = true;
  while (words >> word && !word.starts_with("--")) {
    std::string name = word;
    std::erase_if(name, [](char c) { return c == '[' || c == ']' || c == '.'; });
    if (name.empty()) continue;
    if (may_be_first) add(operands.first, name, usage);
    if (!is_first || word.ends_with("...") || usage.ends_with("]...")) {
      add(operands.later, name, usage);
    }
    may_be_first = may_be_first && word.starts_with('[');
    is_first = false;
  }
  return operands;
}

std::vector<std::string> values_of(const OptionInfo& info) {
  if (info.type != "choice" && info.type != "flag") return {};
  std::vector<std::string> values;
  // The range of two merged options: "label or label | none".
  for (const std::string& range : split(info.range, " or "))
    for (const std::string& value : split(range, " | "))
      if (!value.empty() && std::find(values.begin(), values.end(), value) == values.end())
        values.push_back(value);
  return values;
}

std::string shell_quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

Reference whole_reference() {
  Reference reference{version(), {}, known_options(), Registry<Router>::names()};
  for (const Command& command : commands())
    reference.commands.push_back({command.name, command.summary, command.arguments()});
  for (const std::string& name : Registry<Expert>::names()) reference.plugins.push_back(name);
  return reference;
}

Arguments reference_arguments() {
  std::vector<std::string> names;
  for (const auto& [name, write] : kKinds) names.emplace_back(name);
  return {"reference " + joined(names, "|"),
          "Prints the manual page or the completions of a shell, with the commands, options and "
          "plug-ins "
          "of this build. They are installed with the program; without installation,\n"
          "  . <(moesim reference bash)\n"
          "  moesim reference zsh > \"${fpath[1]}/_moesim\"\n"
          "  moesim reference fish > ~/.config/fish/completions/moesim.fish\n"
          "completes, and `moesim reference man | man -l -` shows the page."};
}

int reference_command(const Words& words) {
  Arguments arguments = reference_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("reference for what?");
  if (arguments.rest().size() > 1)
    fail(Exit::usage, "command line: reference writes one at a time");
  const std::string& kind = arguments.rest()[0];
  for (const auto& [name, write] : kKinds) {
    if (kind != name) continue;
    std::cout << write(whole_reference());
    return 0;
  }
  std::vector<std::string> names;
  for (const auto& [name, write] : kKinds) names.emplace_back(name);
  fail(Exit::usage,
       "command line: reference " + config::printable(kind) + ": choose one of " + joined(names));
}

}  // namespace moesim
