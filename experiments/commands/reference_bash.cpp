// Generates the completions of bash: one function with tables in `case` statements, which needs no
// package besides bash.
#include "experiments/commands/reference.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

std::vector<std::string> option_names(const Arguments& arguments) {
  std::vector<std::string> names;
  for (const Argument& option : arguments.declared()) names.push_back("--" + option.name);
  return names;
}

// Words for the function below; names that begin with @ denote kinds of words.
std::string offered(const Operand& operand) {
  std::vector<std::string> words = operand.words;
  if (operand.files) words.emplace_back("@files");
  if (operand.configs) words.emplace_back("@configs");
  if (operand.settings) words.emplace_back("@settings");
  if (operand.plugins) words.emplace_back("@plugins");
  return joined(words, " ");
}

std::string offered(const Offer& offer) {
  return offer.files ? "@files" : joined(offer.words, " ");
}

std::string line(const std::string& pattern, const std::string& words) {
  return fmt::format("    {}) echo {} ;;\n", pattern, shell_quoted(words));
}

constexpr const char* kFunction = R"bash(
_moesim() {
  local word words=() i
  # Bash splits words at '=' and ':', which are parts of ours.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ ${#words[@]} -gt 0 && ($word == [=:]* || ${words[-1]} == *[=:]) ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  local current=${words[-1]} command=${words[0]} option='' operands=0 offers prefix='' items
  if [[ ${#words[@]} -eq 1 ]]; then
    offers=$_moesim_commands
  else
    for word in "${words[@]:1:${#words[@]}-2}"; do
      if [[ -n $option ]]; then
        option=''
      elif [[ $word == -* ]]; then
        _moesim_offers "$command" "$word" > /dev/null && option=$word
      else
        operands=$((operands + 1))
      fi
    done
    if [[ -z $option && $current == --*=* ]]; then
      option=${current%%=*} prefix=${current%%=*}=
    fi
    if [[ -n $option ]]; then
      offers=$(_moesim_offers "$command" "$option")
    elif [[ $current == -* ]]; then
      offers=$(_moesim_options "$command")
    else
      offers=$(_moesim_operands "$command" "$((operands > 0))")
      if [[ " $offers " == *' @settings '* && $current == *=* ]]; then
        offers=$(_moesim_values "${current%%=*}")
        prefix=${current%%=*}=
        items=${current#*=}
        if [[ $items == *,* && -n $offers ]]; then  # a list: the last of its items
          offers=${items%,*},${offers// / ${items%,*},}
        fi
      fi
    fi
  fi
  current=${current#"$prefix"}
  # What bash takes for the word is what follows '='.
  [[ $COMP_WORDBREAKS == *=* ]] && prefix=''
  offers=${offers/@settings/$_moesim_keys}
  offers=${offers/@plugins/$_moesim_plugins}
  COMPREPLY=()
  case " $offers " in
    *' @files '*)
      compopt -o filenames 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$current")
      ;;
    *' @configs '*)
      compopt -o filenames 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -d -- "$current"; compgen -f -X '!*.ini' -- "$current")
      ;;
  esac
  offers=${offers/@files/}
  offers=${offers/@configs/}
  mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -W "$offers" -- "$current")
  COMPREPLY=("${COMPREPLY[@]/#/$prefix}")
  if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
    compopt -o nospace 2> /dev/null
  fi
  return 0
}
complete -F _moesim moesim moesim-f64
)bash";

}  // namespace

std::string bash_completion(const Reference& reference) {
  std::vector<std::string> commands = {"--help", "--version"}, keys;
  std::string options, offers, operands, values;
  for (const auto& [name, summary, arguments] : reference.commands) {
    commands.push_back(name);
    options += line(name, joined(option_names(arguments), " "));
    for (const Argument& option : arguments.declared())
      if (option.kind != Argument::Kind::flag)
        offers += line(fmt::format("'{} --{}'", name, option.name), offered(option.offer));
    const Operands places = operands_of(arguments.usage());
    operands += line("'" + name + " 0'", offered(places.first));
    operands += line("'" + name + " 1'", offered(places.later));
  }
  for (const auto& [key, info] : reference.settings) {
    keys.push_back(key + "=");
    if (const auto words = values_of(info); !words.empty()) values += line(key, joined(words, " "));
  }
  std::string text = fmt::format(
      "# Completions of moesim {} for bash, from moesim reference bash.\n\n", reference.version);
  text += fmt::format("_moesim_commands={}\n", shell_quoted(joined(commands, " ")));
  text += fmt::format("_moesim_plugins={}\n", shell_quoted(joined(reference.plugins, " ")));
  text += fmt::format("_moesim_keys={}\n", shell_quoted(joined(keys, " ")));
  text += "\n# COMMAND\n_moesim_options() {\n  case $1 in\n" + options + "  esac\n}\n";
  text +=
      "\n# COMMAND OPTION: values of an option that takes one\n_moesim_offers() {\n  case \"$1 "
      "$2\" in\n" +
      offers + "    *) return 1 ;;\n  esac\n}\n";
  text +=
      "\n# COMMAND 0|1: what stands first, and later\n_moesim_operands() {\n  case \"$1 $2\" "
      "in\n" +
      operands + "  esac\n}\n";
  text +=
      "\n# KEY: values of a setting\n_moesim_values() {\n  case $1 in\n" + values + "  esac\n}\n";
  return text + kFunction;
}

}  // namespace moesim
