#include "analysis/traces/whatif.hpp"

#include "analysis/traces/drops.hpp"
#include "analysis/traces/trace_tables.hpp"

namespace moesim {
namespace {

Column number(const char* key, const char* title, int decimals) {
  return {key, title, Column::Kind::number, decimals};
}

std::vector<Column> columns() {
  using Kind = Column::Kind;
  return {{"run", "run", Kind::text},
          {"layer", "layer", Kind::text},
          {"group", "group", Kind::text},
          {"fill", "fill", Kind::text},
          {"capacity_factor", "capacity factor", Kind::text},
          {"capacity", "C", Kind::count},
          {"assignments", "assignments", Kind::count},
          {"dropped", "dropped", Kind::count},
          number("dropped_percent", "dropped %", 2),
          number("unrouted_percent", "unrouted tokens %", 2),
          number("gate_lost_percent", "gates lost %", 2)};
}

double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

struct Line {
  const WhatIfCase* one;
  std::size_t factor;
  index rows;  // C of a whole group
  std::vector<WhatIfDrops> by_layer;
};

void add_rows(const TracedRun& run, const WhatIfOptions& options, const std::vector<Line>& lines,
              Table& table) {
  const std::string name = name_of_run(run);
  const std::size_t layers = run.layers();
  for (std::size_t layer = 0; layer < layers + (layers > 1 ? 1 : 0); ++layer)
    for (const Line& line : lines) {
      WhatIfDrops sums;
      for (std::size_t i = 0; i < layers; ++i)
        if (layer == i || layer == layers) sums.add(line.by_layer[i]);
      table.rows.push_back(
          {name, layer == layers ? std::string("all") : std::to_string(run.label(layer)),
           line.one->group, line.one->fill, options.factors[line.factor],
           line.rows == 0 ? Cell() : Cell(static_cast<double>(line.rows)), sums.assignments,
           sums.dropped, percent(sums.dropped, sums.assignments),
           percent(sums.unrouted, sums.tokens),
           run.run().file.text("trace_gates") == "unknown" ? kNone
                                                           : percent(sums.lost, sums.gates)});
    }
}

void add_run(TracedRun& run, const WhatIfOptions& options, Table& table) {
  const std::vector<WhatIfCase> cases = cases_of(run, options);
  const index k = choices_of(run);
  std::vector<Line> lines;
  for (const WhatIfCase& one : cases)
    for (std::size_t f = 0; f < options.factors.size(); ++f) {
      const Capacity capacity = formula_of(run, options.factors[f]);
      lines.push_back({&one, f, capacity.rows(one.size, k, run.experts()),
                       std::vector<WhatIfDrops>(run.layers())});
    }
  for (std::size_t trace = 0; trace < run.traces(); ++trace)
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TraceLayer rows = run.read(trace, layer);
      each_drop(run, cases, options.factors, rows,
                [&](std::size_t n, const std::vector<bool>& dropped) {
                  lines[n].by_layer[layer].add(drops_at(rows, dropped, run.tokens()));
                });
    }
  add_rows(run, options, lines, table);
  for (const std::string& note : whatif_notes(run, cases, options.factors.front()))
    add_note(table, note);
}

}  // namespace

Table whatif_table(const std::vector<std::string>& paths, const WhatIfOptions& options) {
  Table table;
  table.name = "whatif";
  table.columns = columns();
  each_traced_run(paths, table, options.step,
                  [&](TracedRun& run) { add_run(run, options, table); });
  return table;
}

}  // namespace moesim
