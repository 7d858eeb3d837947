// How often consecutive tokens have the same expert.
#include "analysis/traces/repetition.hpp"
#include "analysis/traces/trace_tables.hpp"

namespace moesim {

Table repetition_table(const Paths& paths, const AnalyzeOptions& options) {
  Table table = trace_table(
      "repetition",
      {count_column("pairs", "pairs of tokens"), real_column("first", "first choice"),
       real_column("first_chance", "if independent"), real_column("first_ratio", "ratio", 2),
       real_column("either", "first or second choice"),
       real_column("either_chance", "if independent"), real_column("either_ratio", "ratio", 2)});
  each_traced_run(paths, table, options.step, [&](TracedRun& run) {
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const Repetition found =
          repetition_of(choices_of_layer(run, layer), run.length(), run.tokens());
      std::vector<Cell> row = {name_of_run(run), std::to_string(run.label(layer)), found.pairs};
      const bool any = found.pairs > 0;
      for (const auto& [share, chance] : {std::pair(found.first, found.first_chance),
                                          std::pair(found.either, found.either_chance)})
        row.insert(row.end(), {any ? share : kNone, any ? chance : kNone,
                               any && chance > 0 ? share / chance : kNone});
      table.rows.push_back(std::move(row));
    }
  });
  return table;
}

}  // namespace moesim
