// Reference is the documentation of all commands and options, from which the manual page and the
// shell completions are generated.
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

// Operand is the kinds of words allowed at one position of a command line.
struct Operand {
  bool files = false, configs = false, settings = false, plugins = false;
  std::vector<std::string> words = {};  // one of these
};
// Operands is the first operand of a command and the later ones.
struct Operands {
  Operand first, later;
};
// Parses a usage: "run CONFIG [key=value ...]" is first a config, then settings. Throws
// Exit::internal for an unknown placeholder.
Operands operands_of(const std::string& usage);

// The values of a choice or flag; empty for other settings.
std::vector<std::string> values_of(const OptionInfo& info);

// `text` in single quotes for a POSIX shell.
std::string shell_quoted(std::string_view text);

std::string manual_page(const Reference& reference);
std::string bash_completion(const Reference& reference);
std::string zsh_completion(const Reference& reference);
std::string fish_completion(const Reference& reference);

}  // namespace moesim
