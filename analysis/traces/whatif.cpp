#include "analysis/traces/whatif.hpp"

#include "analysis/traces/drops.hpp"
#include "analysis/traces/trace.hpp"
#include "sim/config/text.hpp"
#include "sim/core/error.hpp"
#include "sim/moe/policies/capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace moesim {
namespace {

struct Case {
  std::string group, fill;
  std::int64_t size = 0;  // tokens of a group
  WhatIfFill order = WhatIfFill::trace;
};

std::int64_t size_of(const TracedRun& run, const std::string& group) {
  return group == "sequence" ? run.length() : run.pass_tokens();
}

std::string group_of(const TracedRun& run) {
  const std::string group = run.router_setting("group");
  return group.empty() ? "sequence" : group;
}

WhatIfFill order_of(const std::string& fill) {
  if (fill == "token") return WhatIfFill::token;
  if (fill == "choice") return WhatIfFill::choice;
  if (fill == "priority") return WhatIfFill::priority;
  fail(Exit::usage,
       "command line: --fill " + config::printable(fill) + ": choose token, choice or priority");
}

// The order of the file is that of the run's own group and fill.
std::vector<Case> cases_of(const TracedRun& run, const WhatIfOptions& options) {
  const std::string own_group = group_of(run), own_fill = run.router_setting("fill");
  std::vector<std::string> groups = options.groups, fills = options.fills;
  if (groups.empty()) groups = {own_group};
  if (fills.empty()) fills = {""};
  std::vector<Case> cases;
  for (const std::string& group : groups) {
    if (group != "sequence" && group != "batch")
      fail(Exit::usage, options.groups.empty()
                            ? run.run().path + ": its capacity is shared by " +
                                  config::printable(group) + "; give --group sequence or batch"
                            : "command line: --group " + config::printable(group) +
                                  ": choose sequence or batch");
    for (const std::string& fill : fills) {
      Case one{group, fill.empty() ? own_fill : fill, size_of(run, group), WhatIfFill::trace};
      if (!fill.empty() && fill != own_fill)
        one.order = order_of(fill);
      else if (group != own_group)
        one.order = order_of(own_fill.empty() ? "token" : own_fill);
      if (one.fill.empty()) one.fill = "as listed";
      cases.push_back(one);
    }
  }
  return cases;
}

// The capacity formula of the run, at another factor.
Capacity formula_of(const TracedRun& run, double factor) {
  Capacity capacity;
  const std::string rounding = run.router_setting("capacity_rounding");
  capacity.factor = factor;
  capacity.rounding = rounding == "floor"   ? Rounding::floor
                      : rounding == "round" ? Rounding::round
                                            : Rounding::ceil;
  capacity.per_choice = run.router_setting("capacity_per_choice") != "false";
  capacity.minimum = static_cast<index>(run.router_number("capacity_min", 0));
  capacity.multiple =
      std::max<index>(1, static_cast<index>(run.router_number("capacity_multiple", 1)));
  capacity.whole_share = run.router_setting("capacity_share") == "whole";
  return capacity;
}

index choices_of(const TracedRun& run) {
  const double k = run.router_number("k", static_cast<double>(run.k_max()));
  return k >= 1 ? static_cast<index>(k) : run.experts();  // 0: all
}

double factor_of(const std::string& text) {
  double factor = 0;
  if (config::parse(text, factor) != std::errc{} || !(factor >= 0 && factor <= 1e6))
    fail(Exit::usage, "command line: --capacity " + config::printable(text) +
                          ": expected capacity factors from 0 (no limit) to 1e6");
  return factor;
}

// What limits the numbers of a run, in words.
void add_notes(const TracedRun& run, const std::vector<Case>& cases, Table& table) {
  std::set<std::string> seen(table.notes.begin(), table.notes.end());
  const auto note = [&](const std::string& text) {
    if (seen.insert(text).second) table.notes.push_back(text);
  };
  const std::string router = run.run().file.text("router"), fill = run.router_setting("fill");
  if (run.fixed())
    note(router + ": exact, because its choices depend on token ids and positions only");
  else
    note(router +
         ": exact for the recorded choices. With another capacity a run chooses the same "
         "in the first MoE layer of its first step; behind a layer that drops others, and "
         "after a step, it may choose otherwise, so that these rows are estimates and no "
         "bounds");
  if (run.router_setting("capacity_rounding").empty())
    note(router +
         ": has no capacity per choice; rows beyond C are counted, in the order in which "
         "they are listed");
  if (fill == "logit")
    note(router +
         ": a lower bound, because its fill = logit also gives places to tokens that did "
         "not choose the expert");
  const bool by_score = std::any_of(cases.begin(), cases.end(), [](const Case& one) {
    return one.order == WhatIfFill::priority;
  });
  if (by_score)
    note(
        "fill = priority ranks tokens by the gate of their first choice, a run by its score: the "
        "same order if gates are not normalised (normalise = none); the number of drops does not "
        "depend on the order, only who is dropped");
}

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
  const Case* one;
  std::size_t factor;
  index rows;  // C of a whole group
  std::vector<WhatIfDrops> by_layer;
};

void add_rows(const TracedRun& run, const WhatIfOptions& options, const std::vector<Line>& lines,
              Table& table) {
  const std::string name = run.run().file.text("run_id", run.run().path);
  const std::size_t layers = run.layers();
  for (std::size_t layer = 0; layer < layers + (layers > 1 ? 1 : 0); ++layer)
    for (const Line& line : lines) {
      WhatIfDrops sums;
      for (std::size_t i = 0; i < layers; ++i)
        if (layer == i || layer == layers) sums.add(line.by_layer[i]);
      table.rows.push_back({name,
                            layer == layers ? std::string("all") : std::to_string(run.label(layer)),
                            line.one->group, line.one->fill, options.factors[line.factor],
                            line.rows == 0 ? Cell() : Cell(static_cast<double>(line.rows)),
                            sums.assignments, sums.dropped, percent(sums.dropped, sums.assignments),
                            percent(sums.unrouted, sums.tokens), percent(sums.lost, sums.gates)});
    }
}

void add_run(const std::string& path, const WhatIfOptions& options, Table& table) {
  TracedRun run(path);
  const std::vector<Case> cases = cases_of(run, options);
  const index k = choices_of(run);
  std::vector<Line> lines;
  for (const Case& one : cases)
    for (std::size_t f = 0; f < options.factors.size(); ++f) {
      const Capacity capacity = formula_of(run, factor_of(options.factors[f]));
      lines.push_back({&one, f, capacity.rows(one.size, k, run.experts()),
                       std::vector<WhatIfDrops>(run.layers())});
    }
  for (std::size_t trace = 0; trace < run.traces(); ++trace)
    for (std::size_t layer = 0; layer < run.layers(); ++layer) {
      const TraceLayer rows = run.read(trace, layer);
      const Case* placed = nullptr;
      std::vector<std::int32_t> places;
      for (Line& line : lines) {
        if (line.one != placed) places = places_in_groups(rows, line.one->size, line.one->order);
        placed = line.one;
        const Capacity capacity = formula_of(run, factor_of(options.factors[line.factor]));
        line.by_layer[layer].add(
            drops_at(rows, places, run.tokens(), line.one->size,
                     [&](std::int64_t n) { return capacity.rows(n, k, run.experts()); }));
      }
    }
  add_notes(run, cases, table);
  add_rows(run, options, lines, table);
  const Capacity example = formula_of(run, factor_of(options.factors.front()));
  table.notes.push_back(fmt::format(
      "{}: C = {} at capacity factor {}, for {}", run.run().file.text("router"),
      example.limited() ? example.formula(cases.front().size, k, run.experts()) : "no limit",
      options.factors.front(),
      cases.front().group == "sequence" ? "a sequence" : "the tokens of a batch"));
}

}  // namespace

Table whatif_table(const std::vector<std::string>& paths, const WhatIfOptions& options) {
  Table table;
  table.name = "whatif";
  table.columns = columns();
  for (const std::string& path : find_runs(paths)) add_run(path, options, table);
  return table;
}

}  // namespace moesim
