// moesim import-trace: turns the routing that another program recorded into a trace.
#include "experiments/commands/arguments.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/import/arrays.hpp"
#include "experiments/import/foreign_trace.hpp"
#include "experiments/import/gate_rule.hpp"
#include "experiments/import/write_trace.hpp"
#include "experiments/terminal/output_file.hpp"
#include "sim/config/text.hpp"
#include "sim/core/counted.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <iostream>

namespace moesim {
namespace {

ForeignTrace trace_in(const std::vector<std::string>& paths, index experts, const GateRule& rule) {
  const auto json = std::count_if(paths.begin(), paths.end(), begins_as_json);
  if (json == 0) return trace_of_arrays(paths, experts, rule);
  if (json != static_cast<std::ptrdiff_t>(paths.size()))
    fail(Exit::usage, "command line: give either arrays or JSON lines, not both");
  if (!rule.name.empty() || rule.k > 0)
    fail(Exit::usage, "command line: --gate and --k are for router logits; JSON lines have none");
  return trace_of_megatron(paths, experts);
}

}  // namespace

Arguments import_trace_arguments() {
  Arguments arguments(
      "import-trace FILE... --out TRACE.h5",
      "Turns the routing of another program into a trace, as moesim route writes it, for moesim "
      "whatif and the tables. FILE is .npy, .npz or .safetensors with experts [tokens, layers, k] "
      "and, if known, gates of the same shape, or with router logits [tokens, layers, E]; "
      "token_ids [tokens] is optional. Or FILE... are the router_trace_rank*.jsonl of "
      "Megatron-Core. Nothing is dropped, unless --capacity-factor says so.");
  arguments.value("out", "", "the trace, ends in .h5", Offer::file())
      .value("gate", "", "how logits become gates; softmax is over all experts",
             Offer::one_of(gate_rules()))
      .value("k", "0", "experts per token, if only logits are given; 0: as in the array")
      .value("experts", "0", "number of experts; 0: that of the logits, else the largest index + 1")
      .value("length", "0", "tokens of a sequence; 0: all tokens are one")
      .value("capacity-factor", "0", "drop what exceeds this capacity factor; 0: dropless")
      .value("group", "", "tokens that share capacity; default: sequence with --length, else batch",
             Offer::one_of({"sequence", "batch"}))
      .value("fill", "token", "who gets places (see moesim whatif)",
             Offer::one_of({"token", "choice", "priority"}))
      .value("name", "", "name of the run and the arm; default: that of TRACE")
      .flag("json", "print one JSON document");
  return arguments;
}

int import_trace_command(const Words& words) {
  Arguments arguments = import_trace_arguments();
  if (!arguments.parse(words)) return 0;
  arguments.require_rest("import which files?");
  const std::string out = arguments.text("out");
  if (std::filesystem::path(out).extension() != ".h5")
    fail(Exit::usage, "command line: --out: name a file that ends in .h5");
  ImportOptions options;
  options.name = arguments.text("name");
  if (options.name.empty()) options.name = std::filesystem::path(out).stem().string();
  if (!config::is_name(options.name))
    fail(Exit::usage,
         "command line: --name: expected letters, digits, '.', '_' and '-', at most "
         "64, found '" +
             config::printable(options.name) + "'");
  options.sources = arguments.rest();
  options.length = arguments.integer("length", 0, kMostForeignTokens);
  options.capacity_factor = arguments.number("capacity-factor", 0, 1e6);
  options.group = arguments.text("group");
  if (options.group.empty()) options.group = options.length > 0 ? "sequence" : "batch";
  options.fill = arguments.text("fill");
  const GateRule rule{arguments.text("gate"), arguments.integer("k", 0, kMostForeignExperts)};
  const index experts = arguments.integer("experts", 0, kMostForeignExperts);

  require_file(out);
  ForeignTrace trace = trace_in(arguments.rest(), experts, rule);
  if (options.length > trace.tokens)
    fail(Exit::usage, fmt::format("command line: --length {}: there are {} tokens", options.length,
                                  trace.tokens));
  if (options.fill == "priority" && trace.gate == "unknown")
    fail(Exit::usage,
         "command line: --fill priority ranks tokens by their gates, which are not "
         "known here");
  if (trace.gate == "unknown") trace.notes.push_back("gates are not known; every gate is 1");
  const ImportedFile imported = import_trace(trace, options);
  imported.file.publish(out);
  if (arguments.has("json")) {
    const nlohmann::ordered_json document = {{"out", out},
                                             {"tokens", trace.tokens},
                                             {"steps", trace.steps},
                                             {"layers", trace.layers},
                                             {"k", trace.k},
                                             {"experts", trace.experts},
                                             {"gates", trace.gate},
                                             {"assignments", imported.assignments},
                                             {"dropped", imported.dropped},
                                             {"notes", trace.notes}};
    std::cout << document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)
              << '\n';
    return 0;
  }
  for (const std::string& note : trace.notes) std::cout << "note: " << note << '\n';
  std::cout << fmt::format("{}: {} of {}, {}, {} of {} per token, {}, {} dropped\n", out,
                           counted(trace.steps.size(), "step"), counted(trace.tokens, "token"),
                           counted(trace.layers.size(), "layer"), trace.k,
                           counted(trace.experts, "expert"),
                           counted(imported.assignments, "assignment"), imported.dropped);
  return 0;
}

}  // namespace moesim
