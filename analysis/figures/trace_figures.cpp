#include "analysis/figures/trace_figures.hpp"

#include "analysis/figures/table_columns.hpp"
#include "sim/core/error.hpp"

namespace moesim {

Figure trace_figure(const Table& table, std::size_t most_panels) {
  const std::string& name = table.name;
  if (table.rows.empty())
    fail(Exit::data, "no figure of " + name + ": its table is empty" +
                         (table.notes.empty() ? "" : "; " + table.notes.front()));
  const bool map = name == "coactivation" || ((name == "transitions" || name == "specialisation") &&
                                              has_column(table, "ratio"));
  const bool grid = name == "tokens" || (name == "mixing" && has_column(table, "ratio"));
  const bool lines = name == "specialisation" || name == "transitions" || name == "saturation" ||
                     name == "fluctuation" || name == "repetition" || name == "collapse" ||
                     name == "loss" || name == "mixing" || name == "merging" || name == "whatif" ||
                     (name == "agreement" && has_column(table, "matched"));
  if (!map && !grid && !lines)
    fail(Exit::usage, "command line: --plot: the table " + name +
                          " has no figure; --out FILE.csv has its numbers");
  Figure figure = map    ? trace_map(table, most_panels)
                  : grid ? trace_grid(table, most_panels)
                         : trace_lines(table, most_panels);
  figure.name = name;
  figure.notes.insert(figure.notes.end(), table.notes.begin(), table.notes.end());
  return figure;
}

}  // namespace moesim
