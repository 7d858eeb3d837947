// Reference is what the program says of itself: the tables behind --help and `moesim list options`,
// from which the manual page and the shell completions are written.
#pragma once

#include "experiments/commands/arguments.hpp"
#include "sim/config/options.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

struct DescribedCommand {
  std::string name, summary;
  Arguments arguments;
};

struct Reference {
  std::string version;
  std::vector<DescribedCommand> commands;
  std::map<std::string, OptionInfo> settings;  // by key: "router.name"
  std::vector<std::string> plugins;            // names of routers and experts
};
Reference whole_reference();

// What may stand at one place of a command line that is no option.
struct Operand {
  bool files = false, configs = false, settings = false, plugins = false;
  std::vector<std::string> words = {};  // one of these
};
// The first one of a command, and those behind it.
struct Operands {
  Operand first, later;
};
// "run CONFIG [key=value ...]": first a config, later settings. Throws Exit::internal for a
// placeholder that is not known.
Operands operands_of(const std::string& usage);

// The values that a setting may have, if these are few: those of choices and flags.
std::vector<std::string> values_of(const OptionInfo& info);

// `text` in single quotes for a POSIX shell.
std::string shell_quoted(std::string_view text);

std::string manual_page(const Reference& reference);
std::string bash_completion(const Reference& reference);
std::string zsh_completion(const Reference& reference);
std::string fish_completion(const Reference& reference);

}  // namespace moesim
