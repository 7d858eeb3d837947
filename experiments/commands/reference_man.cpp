// Generates the manual page, in roff with the man macros (man(7)).
#include "experiments/commands/reference.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace moesim {
namespace {

// Escapes one line of text: a backslash begins an escape; a bare '-' becomes a hyphen, which breaks
// searches and copied commands; a leading '.' or ''' begins a request.
std::string roff(std::string_view text) {
  std::string result = !text.empty() && (text[0] == '.' || text[0] == '\'') ? "\\&" : "";
  for (const char c : text) {
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else if (c == '~') {
      result += "\\(ti";
    } else if (c == '^') {
      result += "\\(ha";
    } else if (c == '`') {
      result += "\\(ga";
    } else {
      result += c;
    }
  }
  return result;
}

std::string man_quoted(const std::string& text) {  // an argument of a request
  std::string result = "\"";
  for (const char c : roff(text)) result += c == '"' ? "\\(dq" : std::string(1, c);
  return result + "\"";
}

// Formats paragraphs; indented lines are kept.
std::string paragraphs(const std::string& text) {
  std::string result;
  std::istringstream lines(text);
  std::string line;
  bool verbatim = false;
  while (std::getline(lines, line)) {
    const bool indented = line.starts_with("  ");
    if (indented != verbatim) result += indented ? ".RS\n.nf\n" : ".fi\n.RE\n";
    verbatim = indented;
    if (line.empty()) {
      result += ".PP\n";
    } else {
      result += roff(indented ? line.substr(2) : line) + "\n";
    }
  }
  return result + (verbatim ? ".fi\n.RE\n" : "");
}

std::string item(const std::string& term, const std::string& text) {
  return ".TP\n" + term + "\n" + roff(text) + "\n";
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string option_item(const Argument& option) {
  std::string term = bold("--" + option.name);
  if (option.name == "help") term = bold("-h") + ", " + term;
  if (option.kind != Argument::Kind::flag)
    term += " " + italic(option.offer.files ? "FILE" : "ARG");
  std::string help = option.help;
  if (!option.otherwise.empty()) help += " (default: " + option.otherwise + ")";
  return item(term, help);
}

std::string command_text(const DescribedCommand& command) {
  std::string text = ".SS " + man_quoted("moesim " + command.arguments.usage()) + "\n";
  text += paragraphs(command.arguments.about());
  for (const Argument& option : command.arguments.declared()) text += option_item(option);
  return text;
}

std::string setting_item(const OptionInfo& info) {
  std::string text = info.help;
  if (!info.range.empty()) text += "; " + info.range;
  text += info.default_value.empty() ? " (no default)" : " (default: " + info.default_value + ")";
  return item(bold(info.key), text);
}

constexpr const char* kDescription =
    "Trains small Mixture-of-Experts transformers with interchangeable routers from one config "
    "file, on processors or on a CUDA card, and records what every router did: expert utilisation, "
    "token drops, losses. Runs are reproducible to the bit on any number of threads; tables give "
    "mean and deviation over seeds, and say what the seeds cannot tell apart.\n\n"
    "Results go to standard output, everything else to standard error.";

constexpr const char* kConfig =
    R"man(A config is an INI file of sections with key = value; '#' begins a comment.
Every run is an assignment of values to the settings below; one that is not set has its default.
On the command line a setting is written section.key=value.

  include = FILE            settings of another file, which this one replaces; <NAME>: of a study
  [run]                     a section; its keys follow
  steps = 300
  [sweep]                   an axis for every line: all combinations are run
  router.name = dense, token_choice
  run.seed = 0..4
  [zip.NAME]                lists of one length that advance together
  [variant.NAME]            an arm of its own: the settings that make it differ
  [exclude]                 combinations that are left out
  when = router.name:dense & moe.experts:64

The command line goes before the file, the file before what it includes.)man";

constexpr auto kExits = std::to_array<std::pair<Exit, const char*>>({
    {Exit::ok, "success"},
    {Exit::internal, "an internal error, a limit of this build, or a certificate that fails"},
    {Exit::usage, "a mistake in the command line or in a config; nothing was created"},
    {Exit::data, "input data cannot be read, or are damaged"},
    {Exit::output, "output cannot be written: a full disk, a read-only folder"},
    {Exit::diverged, "loss or gradient became NaN or infinite"},
    {Exit::locked, "another process works on the run"},
    {Exit::interrupted, "interrupted, with a checkpoint; the same command resumes"},
});

constexpr auto kEnvironment = std::to_array<std::pair<const char*, const char*>>({
    {"OMP_NUM_THREADS", "threads of a run, unless --threads is given"},
    {"XDG_CACHE_HOME",
     "its folder moesim caches properties of large data for plans; default: ~/.cache"},
    {"CUDA_HOME, CUDA_PATH", "where to find cuBLAS"},
});

constexpr auto kExamples = std::to_array<std::pair<const char*, const char*>>({
    {"moesim run quickstart.ini --dry-run",
     "arms, parameters, FLOPs, memory, time and disk of a sweep"},
    {"moesim run quickstart.ini run.seed=0..4 --jobs 2",
     "the sweep with five seeds, two runs at once"},
    {"moesim compare runs/quickstart", "the table of its arms"},
    {"moesim plot runs/quickstart --figure loss --out loss.pdf", "a figure for a paper"},
});

}  // namespace

std::string manual_page(const Reference& reference) {
  std::string text = ".\\\" Written by: moesim reference man\n.TH MOESIM 1 \"\" " +
                     man_quoted("moesim " + reference.version) + " \"User Commands\"\n";
  text += ".SH NAME\nmoesim \\- a research simulator for Mixture\\-of\\-Experts routing\n";
  text +=
      ".SH SYNOPSIS\n.B moesim\n.I COMMAND\n[\\fIARGUMENTS\\fR]\n.br\n.B moesim\n.I COMMAND\n.B "
      "\\-\\-help\n.br\n.B moesim \\-\\-version\n";
  text += ".SH DESCRIPTION\n" + paragraphs(kDescription);
  text += ".PP\nCommands are:\n";
  for (const DescribedCommand& command : reference.commands)
    text += item(bold(command.name), command.summary);
  text += ".SH COMMANDS\n";
  for (const DescribedCommand& command : reference.commands) text += command_text(command);
  text += ".SH CONFIGS\n" + paragraphs(kConfig);
  text += ".SH SETTINGS\n";
  std::string section;
  for (const auto& [key, info] : reference.settings) {
    if (config::section_of(key) != section) {
      section = config::section_of(key);
      text += ".SS " + man_quoted("[" + section + "]") + "\n";
    }
    text += setting_item(info);
  }
  text += ".SH \"EXIT STATUS\"\n";
  for (const auto& [code, meaning] : kExits)
    text += item(bold(std::to_string(static_cast<int>(code))), meaning);
  text += ".SH ENVIRONMENT\n";
  for (const auto& [name, meaning] : kEnvironment) text += item(bold(name), meaning);
  text += ".SH FILES\n";
  text += item(italic("PREFIX/share/moesim/experiments/*.ini"),
               "the studies, such as quickstart.ini, which moesim finds by name relative to "
               "PREFIX/bin/moesim");
  text += item(italic("runs/EXPERIMENT/RUN/run.h5"), "all records of a run, as HDF5");
  text += ".SH EXAMPLES\n";
  for (const auto& [command, meaning] : kExamples) text += item(bold(command), meaning);
  return text + ".SH \"SEE ALSO\"\n.BR gnuplot (1),\n.BR h5dump (1)\n";
}

}  // namespace moesim
