// moesim analyze: says what recorded assignments show: specialisation, repetition, agreement, ….
#include "analysis/figures/trace_figures.hpp"
#include "analysis/traces/analyses.hpp"
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/figure_output.hpp"
#include "experiments/commands/table_output.hpp"
#include "experiments/terminal/text_width.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

std::vector<std::string> analysis_names() {
  std::vector<std::string> names;
  for (const Analysis& one : analyses()) names.push_back(one.name);
  return names;
}

std::string list_of_analyses() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Analysis& one : analyses())
    rows.emplace_back(one.name, one.about + ". Of " + one.needs);
  return named_rows(rows);
}

// Options that only some analyses take must not be given with another.
void require_taken(const Arguments& arguments, const Analysis& chosen) {
  for (const Analysis& other : analyses())
    for (const std::string& option : other.options)
      if (arguments.given(option) &&
          std::find(chosen.options.begin(), chosen.options.end(), option) == chosen.options.end())
        fail(Exit::usage,
             "command line: --" + option + ": analyze " + chosen.name + " has no such option");
}

// A map of a table that --top cuts would draw the cells that it left out as 0.
void require_whole_map(const Arguments& arguments, const Analysis& chosen,
                       const AnalyzeOptions& options) {
  const bool cut = options.top > 0 && std::find(chosen.cut_maps.begin(), chosen.cut_maps.end(),
                                                options.by) != chosen.cut_maps.end();
  if (cut && arguments.given("top"))
    fail(Exit::usage,
         fmt::format(
             "command line: --top {}: --plot draws a map of {}, and a map needs all cells of "
             "its table; leave --top out, or write the first rows with --out FILE.csv "
             "without --plot",
             options.top, chosen.name));
}

AnalyzeOptions analyze_options(const Arguments& arguments) {
  AnalyzeOptions options;
  options.adjacent = arguments.text("pairs") == "adjacent";
  options.by = arguments.text("by");
  options.top = static_cast<std::size_t>(arguments.integer("top", 0, 1l << 30));
  options.seen = static_cast<double>(arguments.integer("seen", 1, 1l << 30));
  options.bins = static_cast<std::size_t>(arguments.integer("bins", 1, 1l << 20));
  if (arguments.given("permutations"))
    options.permutations = static_cast<std::size_t>(arguments.integer("permutations", 0, 1l << 20));
  options.sequence = arguments.integer("sequence", 0, 1l << 30);
  options.step = step_of(arguments);
  options.limits = {.starved = arguments.number("starved", 0, 1),
                    .max_violation = arguments.number("max-violation", 0, 1e9),
                    .evenness = arguments.number("evenness", 0, 1),
                    .least = arguments.number("least", 0, 1e9)};
  return options;
}

}  // namespace

Arguments analyze_arguments() {
  Arguments arguments(
      "analyze " + joined(analysis_names(), "|") + " TRACE...",
      "Says what recorded assignments show, per MoE layer, before capacity. TRACE is a run file, a "
      "folder of runs, or a file of moesim route or import-trace. Analyses:" +
          list_of_analyses());
  arguments
      .value("by", "",
             "rows: domain, token, previous, position (specialisation), pair (transitions), expert "
             "(agreement, merging), token, dispatch, combine (mixing), segment (merging)",
             Offer::one_of({"domain", "token", "previous", "position", "pair", "expert", "dispatch",
                            "combine", "segment"}))
      .value("step", "", "only traces of this step; default: all")
      .value("pairs", "all",
             "coactivation: all pairs of a token's choices, or those adjacent in their order",
             Offer::one_of({"all", "adjacent"}))
      .value(
          "top", "20",
          "rows to print at most: per expert in the analysis tokens, per layer in others; 0: all")
      .value("seen", "10", "least occurrences of a token id")
      .value("sequence", "0", "mixing: the sequence of --by dispatch and --by combine")
      .value("bins", "16", "bins of positions in a sequence")
      .value("permutations", "200",
             "shuffles of the permutation baseline; by default fewer, at least 3, for large traces")
      .value("starved", "0.1",
             "collapse: an expert is starved below this fraction of the mean load")
      .value("max-violation", "1", "collapse: uneven above this MaxVio, max / mean load - 1")
      .value("evenness", "0.25", "collapse: collapsed below this (effective experts - k) / (E - k)")
      .value("least", "20", "collapse: assignments per expert that a verdict needs")
      .value("plot", "",
             "draw the table in this file, .svg, .pdf or .png; maps need all cells, so they refuse "
             "--top; there is no table without --out, --format or --json",
             Offer::file());
  add_table_output(arguments);
  add_figure_arguments(arguments, "--plot");
  return arguments;
}

int analyze_command(const Words& words) {
  Arguments arguments = analyze_arguments();
  if (!arguments.parse(with_script(words, analysis_names()))) return 0;
  arguments.require_rest("analyze what?");
  const Analysis& chosen = analysis_named(arguments.rest().front());
  const Paths paths(arguments.rest().begin() + 1, arguments.rest().end());
  if (paths.empty()) fail(Exit::usage, "command line: analyze " + chosen.name + ": which traces?");
  require_taken(arguments, chosen);
  const TableOutput output(arguments);
  const std::string plot = arguments.text("plot");
  AnalyzeOptions options = analyze_options(arguments);
  if (arguments.given("plot")) {  // checks it before anything is read
    figure_output(arguments, plot, "--plot");
    require_whole_map(arguments, chosen, options);
    if (!arguments.given("top")) options.top = 0;
  }
  output.write_with_figure(chosen.make(paths, options), arguments);
  return 0;
}

}  // namespace moesim
