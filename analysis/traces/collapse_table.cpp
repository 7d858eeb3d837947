// A verdict on the load of the experts, per layer and run.
#include "analysis/traces/token_choices.hpp"
#include "analysis/traces/trace_tables.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

std::vector<Cell> verdict_row(const TracedRun& run, const std::string& layer,
                              const LoadVerdict& verdict, double change) {
  return {
      name_of_run(run),      layer,           verdict.word.empty() ? Cell() : Cell(verdict.word),
      verdict.assignments,   verdict.dead,    verdict.starved,
      verdict.max_violation, verdict.entropy, change,
      verdict.effective,     verdict.evenness};
}

double routed_tokens(const TokenChoices& choices) {
  double routed = 0;
  for (std::size_t t = 0; t < choices.tokens(); ++t) routed += choices.first(t) >= 0;
  return routed;
}

// The load of all traces of a layer, and its entropy in the first and the last.
struct LayerLoad {
  std::vector<double> load;
  double tokens = 0;
  double entropy_first = kNone, entropy_last = kNone;
};

LayerLoad load_of_layer(TracedRun& run, std::size_t layer, const CollapseLimits& limits) {
  LayerLoad all;
  all.load.resize(static_cast<std::size_t>(run.experts()), 0);
  for (std::size_t trace = 0; trace < run.traces(); ++trace) {
    const TokenChoices choices = choices_of_trace(run, trace, layer);
    const std::vector<double> load = choices.load();
    for (std::size_t e = 0; e < load.size(); ++e) all.load[e] += load[e];
    const double tokens = routed_tokens(choices);
    all.tokens += tokens;
    const bool first = trace == 0, last = trace + 1 == run.traces();
    if (!first && !last) continue;
    const double entropy = judge_load(load, tokens, limits).entropy;
    if (first) all.entropy_first = entropy;
    if (last) all.entropy_last = entropy;
  }
  return all;
}

}  // namespace

Table collapse_table(const Paths& paths, const AnalyzeOptions& options) {
  const CollapseLimits& limits = options.limits;
  Table table = trace_table(
      "collapse",
      {text_column("verdict", "verdict"), count_column("assignments", "assignments"),
       count_column("dead_experts", "dead"), count_column("starved_experts", "starved"),
       real_column("max_violation", "MaxVio", 3), real_column("normalised_entropy", "entropy", 3),
       real_column("entropy_change", "first to last trace", 3),
       real_column("effective_experts", "effective", 2), real_column("evenness", "evenness", 3)});
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    std::vector<std::string> words;
    double assignments = 0, dead = 0, starved = 0;
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const LayerLoad all = load_of_layer(run, layer, limits);
      const LoadVerdict verdict = judge_load(all.load, all.tokens, limits);
      const double change = run.traces() > 1 ? all.entropy_last - all.entropy_first : kNone;
      table.rows.push_back(verdict_row(run, std::to_string(run.label(layer)), verdict, change));
      words.push_back(verdict.word);
      assignments += verdict.assignments, dead += verdict.dead, starved += verdict.starved;
      if (verdict.word.empty())
        add_note(table,
                 fmt::format("no verdict with fewer than {} assignments per expert", limits.least));
    }
    if (run.layers() < 2) return;
    LoadVerdict worst;
    worst.word = worst_word(words);
    worst.assignments = assignments, worst.dead = dead, worst.starved = starved;
    worst.max_violation = worst.entropy = worst.effective = worst.evenness = kNone;
    table.rows.push_back(verdict_row(run, "all", worst, kNone));
  });
  add_note(table, fmt::format("collapsed: evenness below {}; uneven: a dead expert, one starved "
                              "(below {} of the mean), or MaxVio above {}",
                              limits.evenness, limits.starved, limits.max_violation));
  return table;
}

}  // namespace moesim
