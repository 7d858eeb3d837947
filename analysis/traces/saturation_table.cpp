// How many of its last experts a token has at each checkpoint (router saturation, Muennighoff et
// al., 2024, OLMoE).
#include "analysis/traces/overlap.hpp"
#include "analysis/traces/same_tokens.hpp"
#include "analysis/traces/trace_tables.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

// All traces of the files, in their order.
std::vector<TraceAt> all_traces(const std::vector<std::unique_ptr<TracedRun>>& runs) {
  std::vector<TraceAt> all;
  for (const auto& run : runs)
    for (std::size_t trace = 0; trace < run->traces(); ++trace) all.push_back({run.get(), trace});
  return all;
}

}  // namespace

Table saturation_table(const Paths& paths, const AnalyzeOptions& options) {
  Table table = trace_table(
      "saturation", {count_column("step", "step"), count_column("reference_step", "against step"),
                     count_column("tokens", "tokens"), real_column("saturation", "saturation"),
                     real_column("chance", "k/E"), real_column("first", "first choice"),
                     text_column("reference", "against run")});
  const auto runs = traced_runs(paths, table, options.step);
  const std::vector<TraceAt> all = all_traces(runs);
  const TraceAt last = all.back();
  std::vector<TraceAt> compared;
  std::size_t others = 0;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    if (same_tokens(all[i], last)) {
      require_same_shape(*all[i].run, *last.run);
      compared.push_back(all[i]);
    } else {
      ++others;
    }
  }
  if (others > 0 && !compared.empty())
    add_note(table,
             fmt::format("left out: {} of {} traces, which are not of the tokens of the last",
                         others, all.size()));
  if (compared.empty())
    fail(Exit::data, last.run->run().path +
                         ": no other trace of the same tokens; trace checkpoints with moesim route "
                         "RUN --split validation --checkpoint STEP. " +
                         kMoreCheckpoints);
  for (const TraceAt& one : compared)
    if (name_of_run(*one.run) != name_of_run(*last.run))
      add_note(table,
               fmt::format("{} ({}) is not the run of the last trace, {} ({}): saturation is "
                           "about checkpoints of one run; of two, see analyze agreement",
                           name_of_run(*one.run), one.run->run().file.text("router"),
                           name_of_run(*last.run), last.run->run().file.text("router")));
  for (const TraceAt& one : compared)
    if (name_of_run(*one.run) == name_of_run(*last.run) && one.step() > last.step())
      add_note(table,
               fmt::format("the last trace is of step {}, and others are of later steps: give "
                           "files in the order of the training",
                           last.step()));
  for (std::size_t layer = 0; layer < last.run->layers(); ++layer) {
    const TokenChoices reference = choices_of_trace(*last.run, last.trace, layer);
    for (const TraceAt& one : compared) {
      const Overlap found = overlap_of(choices_of_trace(*one.run, one.trace, layer), reference);
      table.rows.push_back({name_of_run(*one.run), std::to_string(one.run->label(layer)),
                            static_cast<double>(one.step()), static_cast<double>(last.step()),
                            found.tokens, found.share, found.chance, found.first,
                            name_of_run(*last.run)});
    }
  }
  if (last.run->token_ids(last.trace).empty())
    add_note(table, "tokens have no ids, and are taken to be the same");
  return table;
}

}  // namespace moesim
