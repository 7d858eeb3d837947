// P(j | i) = N_ij / N_i: of the tokens that choose expert i, the share that also choose j
// (co-activation, Muennighoff et al., 2024, OLMoE).
#include "analysis/traces/pair_counts.hpp"
#include "analysis/traces/trace_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace moesim {
namespace {

PairCounts chosen_together(const TokenChoices& choices, bool adjacent) {
  const auto experts = static_cast<std::size_t>(choices.experts);
  PairCounts counts(experts, experts);
  for (std::size_t t = 0; t < choices.tokens(); ++t) {
    const auto of = choices.of(t);
    for (std::size_t i = 0; i < of.size(); ++i)
      for (std::size_t j = 0; j < of.size(); ++j)
        if (adjacent ? i + 1 == j || j + 1 == i : i != j)
          counts.add(static_cast<std::size_t>(of[i]), static_cast<std::size_t>(of[j]));
  }
  return counts;
}

struct PairRow {
  std::size_t i, j;
  double together, probability, expected;
};

// Expected: the other choices of i's tokens, drawn by the load of the other experts:
// Σ_j N_ij / N_i · N_j / (N - N_i).
std::vector<PairRow> pair_rows(PairCounts& counts, const std::vector<double>& load) {
  const double total = std::accumulate(load.begin(), load.end(), 0.0);
  std::vector<double> others(load.size(), 0);
  counts.each(
      [&](std::size_t i, std::size_t, std::uint64_t n) { others[i] += static_cast<double>(n); });
  std::vector<PairRow> rows;
  counts.each([&](std::size_t i, std::size_t j, std::uint64_t n) {
    const auto together = static_cast<double>(n);
    rows.push_back(
        {i, j, together, together / load[i], others[i] / load[i] * load[j] / (total - load[i])});
  });
  return rows;
}

void keep_likeliest(std::vector<PairRow>& rows, std::size_t top, Table& table) {
  if (top == 0 || rows.size() <= top) return;
  std::stable_sort(rows.begin(), rows.end(), [](const PairRow& a, const PairRow& b) {
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
  each_traced_run(paths, table, [&](TracedRun& run) {
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TokenChoices choices = choices_of_layer(run, layer);
      const std::vector<double> load = choices.load();
      PairCounts counts = chosen_together(choices, options.adjacent);
      std::vector<PairRow> rows = pair_rows(counts, load);
      keep_likeliest(rows, options.top, table);
      for (const PairRow& row : rows)
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
