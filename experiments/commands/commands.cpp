#include "experiments/commands/commands.hpp"

namespace moesim {

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"analyze", "what recorded assignments show: specialisation, repetition, agreement, collapse",
       analyze_arguments, analyze_command},
      {"bench", "time of a training step, its parts, its share of the machine's limit",
       bench_arguments, bench_command},
      {"check", "certificates of routers and experts: gradients, causality, conservation",
       check_arguments, check_command},
      {"compare", "one row per arm, over its seeds", compare_arguments, compare_command},
      {"explain", "what settings mean, in formulas with numbers; settings of other libraries",
       explain_arguments, explain_command},
      {"export", "a table as text, CSV, Markdown, LaTeX, HTML or JSON; or TensorBoard",
       export_arguments, export_command},
      {"import-trace", "routing that another program recorded, as a trace", import_trace_arguments,
       import_trace_command},
      {"info", "version, build and devices", info_arguments, info_command},
      {"list", "routers, experts, tasks, datasets, options", list_arguments, list_command},
      {"plot", "a figure for a paper: curves, load, heat map, Pareto front", plot_arguments,
       plot_command},
      {"predict", "logits of a checkpoint on validation data, as safetensors", predict_arguments,
       predict_command},
      {"reference", "manual page and shell completions (bash, zsh, fish)", reference_arguments,
       reference_command},
      {"regret", "the loss of tokens with other experts: how good the routing is", regret_arguments,
       regret_command},
      {"report", "HTML page about a comparison: text, tables, figures, how to reproduce it",
       report_arguments, report_command},
      {"route", "which experts a checkpoint sends every token to, as HDF5 or CSV", route_arguments,
       route_command},
      {"run", "train a run or a sweep from a config file", run_arguments, run_command},
      {"sample", "text from a checkpoint of a run", sample_arguments, sample_command},
      {"score", "answers of a run's model by task: loss, exact match, chrF", score_arguments,
       score_command},
      {"status", "state of every run of an experiment", status_arguments, status_command},
      {"transform", "a smaller model from a run: fewer experts, fewer bits", transform_arguments,
       transform_command},
      {"verify", "check every byte of an experiment for damage", verify_arguments, verify_command},
      {"whatif", "what other capacities would drop of recorded assignments", whatif_arguments,
       whatif_command},
  };
  return all;
}

}  // namespace moesim
