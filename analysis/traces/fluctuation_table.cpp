// How many tokens change their first choice from one traced step to the next (routing fluctuation, Dai
// et al., 2022, StableMoE).
#include "analysis/statistics/clustered.hpp"
#include "analysis/traces/same_tokens.hpp"
#include "analysis/traces/trace_tables.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Share of first choices of each expert.
std::vector<double> shares_of(const TokenChoices& choices) {
  std::vector<double> load = first_choices(choices).load();
  double sum = 0;
  for (const double n : load) sum += n;
  for (double& n : load) n /= sum;
  return load;
}

std::vector<Cell> change_row(const TraceAt& from, const TraceAt& to, std::size_t layer) {
  const TokenChoices before = choices_of_trace(*from.run, from.trace, layer),
                     after = choices_of_trace(*to.run, to.trace, layer);
  const auto length = static_cast<std::size_t>(from.run->length());
  std::vector<ClusterSum> changed((before.tokens() + length - 1) / length);
  double tokens = 0;
  for (std::size_t t = 0; t < before.tokens(); ++t) {
    if (before.first(t) < 0 || after.first(t) < 0) continue;
    changed[t / length].add(before.first(t) != after.first(t) ? 1 : 0);
    ++tokens;
  }
  const std::vector<double> a = shares_of(before), b = shares_of(after);
  double same = 0;  // if the choices were independent
  for (std::size_t e = 0; e < a.size(); ++e) same += a[e] * b[e];
  MeanEstimate mean = mean_over_clusters(changed);
  if (!std::isnan(mean.interval.low))  // of a share
    mean.interval = {std::max(0.0, mean.interval.low), std::min(1.0, mean.interval.high)};
  return {name_of_run(*from.run),
          std::to_string(from.run->label(layer)),
          static_cast<double>(from.step()),
          static_cast<double>(to.step()),
          tokens,
          mean.value,
          mean.interval,
          tokens > 0 ? 1 - same : kNone};
}

}  // namespace

Table fluctuation_table(const Paths& paths, const AnalyzeOptions& options) {
  Table table = trace_table(
      "fluctuation",
      {count_column("step", "step"), count_column("next_step", "next step"),
       count_column("tokens", "tokens"), real_column("changed", "changed"),
       interval_column("changed_interval", "95 %"), real_column("chance", "if independent")});
  const auto runs = traced_runs(paths, table, options.step);
  std::vector<TraceAt> all;
  for (const auto& run : runs)
    for (std::size_t trace = 0; trace < run->traces(); ++trace) all.push_back({run.get(), trace});
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const TraceAt &from = all[i], &to = all[i + 1];
    if (name_of_run(*from.run) != name_of_run(*to.run) || !same_tokens(from, to)) continue;
    require_same_shape(*from.run, *to.run);
    if (to.step() < from.step())
      add_note(table, fmt::format("{}: step {} follows step {}: give files in the order of the "
                                  "training",
                                  name_of_run(*to.run), to.step(), from.step()));
    for (std::size_t layer = 0; layer < from.run->layers(); ++layer)
      table.rows.push_back(change_row(from, to, layer));
  }
  if (table.rows.empty())
    fail(Exit::data, runs.front()->run().path +
                         ": no two traces of one run and the same tokens follow each other; trace "
                         "checkpoints with moesim route RUN --split validation --checkpoint STEP, "
                         "and give them in order. " +
                         kMoreCheckpoints);
  add_note(table, "intervals are over sequences");
  return table;
}

}  // namespace moesim
