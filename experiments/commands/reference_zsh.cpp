// Generates the completions of zsh, with its function _arguments.
#include "experiments/commands/reference.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// Escapes colons and brackets, which are delimiters in _arguments and _describe.
std::string escaped(const std::string& text, const std::string& special) {
  std::string result;
  for (const char c : text) {
    if (special.find(c) != special.npos) result += '\\';
    result += c;
  }
  return result;
}

std::string option_line(const Argument& option) {
  std::string spec =
      fmt::format("{}--{}{}[{}]", option.kind == Argument::Kind::list ? "*" : "", option.name,
                  option.kind == Argument::Kind::flag ? "" : "=", escaped(option.help, "\\[]:"));
  if (option.kind != Argument::Kind::flag)
    spec += ":" + option.name + ":" +
            (option.offer.files           ? "_files"
             : option.offer.words.empty() ? " "
                                          : "(" + joined(option.offer.words, " ") + ")");
  return "        " + shell_quoted(spec) + " \\\n";
}

std::string action(const Operand& operand) {
  std::vector<std::string> actions;
  if (operand.files) actions.emplace_back("'files:file:_files'");
  if (operand.configs) actions.emplace_back("'files:config:_files -g \"*.ini\"'");
  if (operand.settings) actions.emplace_back("'settings:setting:_moesim_settings'");
  if (operand.plugins) actions.emplace_back("'plugins:router or expert:_moesim_plugins'");
  if (!operand.words.empty())
    actions.push_back("'words:word:(" + joined(operand.words, " ") + ")'");
  return actions.empty() ? " " : "_alternative " + joined(actions, " ");
}

constexpr const char* kZshFunctions = R"zsh(
# Behind '=' the values of the setting, in a list for its last item.
_moesim_settings() {
  if compset -P '*='; then
    local key=${IPREFIX%=}
    compset -P '*,'
    compadd -- ${=_moesim_values[$key]}
  else
    _describe setting _moesim_keys -S ''
  fi
}

_moesim_plugins() { compadd -a _moesim_names }
)zsh";

}  // namespace

std::string zsh_completion(const Reference& reference) {
  std::string keys, values, commands, cases;
  for (const auto& [key, info] : reference.settings) {
    keys += "  " + shell_quoted(key + "=:" + escaped(info.help, "\\:")) + "\n";
    if (const auto words = values_of(info); !words.empty())
      values += fmt::format("  {} {}\n", key, shell_quoted(joined(words, " ")));
  }
  for (const auto& [name, summary, arguments] : reference.commands) {
    commands += "    " + shell_quoted(name + ":" + escaped(summary, "\\:")) + "\n";
    cases += fmt::format("    {})\n      _arguments \\\n", name);
    for (const Argument& option : arguments.declared()) cases += option_line(option);
    const Operands places = operands_of(arguments.usage());
    cases += fmt::format("        {} \\\n        {} ;;\n",
                         shell_quoted("1:argument:" + action(places.first)),
                         shell_quoted("*:argument:" + action(places.later)));
  }
  std::string text = fmt::format(
      "#compdef moesim moesim-f64\n# Completions of moesim {} for zsh, from moesim reference "
      "zsh.\n\n",
      reference.version);
  text += "typeset -ga _moesim_keys _moesim_names\ntypeset -gA _moesim_values\n";
  text += "_moesim_keys=(\n" + keys + ")\n_moesim_values=(\n" + values + ")\n";
  text += "_moesim_names=(" + joined(reference.plugins, " ") + ")\n" + kZshFunctions;
  text +=
      "\n_moesim() {\n  local context state state_descr line\n  typeset -A opt_args\n  local -a "
      "commands\n  commands=(\n" +
      commands +
      "  )\n  _arguments -C '(- *)--help[list the commands]' '(- *)--version[print the version]' "
      "\\\n"
      "    '1:command:->command' '*::argument:->argument' && return\n"
      "  case $state in\n    command) _describe command commands; return ;;\n  esac\n"
      "  case $words[1] in\n" +
      cases + "  esac\n}\n";
  return text + "\n_moesim \"$@\"\n";
}

}  // namespace moesim
