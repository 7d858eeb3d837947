// Generates the completions of fish.
#include "experiments/commands/reference.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// Quotes for fish, where single quotes allow only the escapes \\ and \'.
std::string fish_quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string complete(const std::string& command, const std::string& rest) {
  return fmt::format("complete -c moesim -n '__moesim_at {}' {}\n", command, rest);
}

std::string option_line(const std::string& command, const Argument& option) {
  std::string rest = "-l " + option.name;
  if (option.kind != Argument::Kind::flag)
    rest += option.offer.files           ? " -r -F"
            : option.offer.words.empty() ? " -x"
                                         : " -x -a " + fish_quoted(joined(option.offer.words, " "));
  return complete(command, rest + " -d " + fish_quoted(option.help));
}

std::string operand_lines(const std::string& place, const Operand& operand,
                          const std::vector<std::string>& plugins) {
  std::string lines;
  if (operand.files || operand.configs) lines += complete(place, "-F");
  if (operand.settings) lines += complete(place, "-a '(__moesim_settings)'");
  if (operand.plugins) lines += complete(place, "-a " + fish_quoted(joined(plugins, " ")));
  if (!operand.words.empty())
    lines += complete(place, "-a " + fish_quoted(joined(operand.words, " ")));
  return lines;
}

constexpr const char* kFishFunctions = R"fish(
# COMMAND [first|later]: is this its command line, and are there arguments before?
function __moesim_at
  set -l words (commandline -opc)
  test (count $words) -ge 2; and test $words[2] = $argv[1]; or return 1
  switch "$argv[2]"
    case first
      test (count $words) -eq 2
    case later
      test (count $words) -gt 2
  end
end

function __moesim_settings
  set -l word (commandline -ct)
  if not string match -q '*=*' -- $word
    __moesim_keys
    return
  end
  # In a list, the last of its items.
  set -l before (string match -r '^.*[=,]' -- $word)
  for value in (__moesim_values (string split -m 1 = -- $word)[1])
    echo $before$value
  end
end

complete -c moesim -f
complete -c moesim -n 'test (count (commandline -opc)) -eq 1' -l help -d 'list the commands'
complete -c moesim -n 'test (count (commandline -opc)) -eq 1' -l version -d 'print the version'
)fish";

}  // namespace

std::string fish_completion(const Reference& reference) {
  std::string keys, values, lines;
  for (const auto& [key, info] : reference.settings) {
    keys += fmt::format("  printf '%s\\t%s\\n' {}= {}\n", key, fish_quoted(info.help));
    if (const auto words = values_of(info); !words.empty())
      values += fmt::format("    case {}\n      printf '%s\\n' {}\n", key, joined(words, " "));
  }
  for (const auto& [name, summary, arguments] : reference.commands) {
    lines +=
        fmt::format("\ncomplete -c moesim -n 'test (count (commandline -opc)) -eq 1' -a {} -d {}\n",
                    name, fish_quoted(summary));
    for (const Argument& option : arguments.declared()) lines += option_line(name, option);
    const Operands places = operands_of(arguments.usage());
    lines += operand_lines(name + " first", places.first, reference.plugins);
    lines += operand_lines(name + " later", places.later, reference.plugins);
  }
  return fmt::format("# Completions of moesim {} for fish, from moesim reference fish.\n\n",
                     reference.version) +
         "function __moesim_keys\n" + keys +
         "end\n\nfunction __moesim_values\n  switch $argv[1]\n" + values + "  end\nend\n" +
         kFishFunctions + lines + "\ncomplete -c moesim-f64 -w moesim\n";
}

}  // namespace moesim
