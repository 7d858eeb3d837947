// Of the tokens that choose expert i, the share that also choose j.
#include "analysis/traces/coactivation.hpp"
#include "analysis/traces/trace_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

void keep_likeliest(std::vector<Coactivation>& rows, std::size_t top, Table& table) {
  if (top == 0 || rows.size() <= top) return;
  std::stable_sort(rows.begin(), rows.end(), [](const Coactivation& a, const Coactivation& b) {
    return a.probability > b.probability;
  });
  rows.resize(top);
  add_note(table, fmt::format("the {} most probable pairs of each layer; --top 0 lists all", top));
}

}  // namespace

Table coactivation_table(const Paths& paths, const AnalyzeOptions& options) {
  Table table =
      trace_table("coactivation",
                  {count_column("expert", "expert i"), count_column("other", "expert j"),
                   count_column("assignments", "tokens of i"),
                   count_column("together", "of i and j"), real_column("probability", "P(j | i)"),
                   real_column("expected", "if independent"), real_column("ratio", "ratio", 2)});
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TokenChoices choices = choices_of_layer(run, layer);
      const std::vector<double> load = choices.load();
      PairCounts counts = chosen_together(choices, options.adjacent);
      std::vector<Coactivation> rows = coactivations(counts, load);
      keep_likeliest(rows, options.top, table);
      for (const Coactivation& row : rows)
        table.rows.push_back({name_of_run(run), std::to_string(run.label(layer)),
                              static_cast<double>(row.i), static_cast<double>(row.j), load[row.i],
                              row.together, row.probability, row.expected,
                              row.probability / row.expected});
    }
  });
  if (table.rows.empty()) add_note(table, "no token has more than one expert");
  if (options.adjacent)
    add_note(table, "pairs that are neighbours in the order of choices, as OLMoE's script counts");
  return table;
}

}  // namespace moesim
