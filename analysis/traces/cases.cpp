#include "analysis/traces/cases.hpp"

#include "sim/config/text.hpp"
#include "sim/config/unknown_choice.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moesim {
namespace {

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
  config::require_choice("--fill", fill, {"token", "choice", "priority"});
  fail(Exit::internal, "what-if: no order for --fill " + fill);
}

double factor_of(const std::string& text) {
  double factor = 0;
  if (config::parse(text, factor) != std::errc{} || !(factor >= 0 && factor <= 1e6))
    fail(Exit::usage, "command line: --capacity " + config::printable(text) +
                          ": expected capacity factors from 0 (no limit) to 1e6");
  return factor;
}

}  // namespace

// The order of the file is that of the run's own group and fill.
std::vector<WhatIfCase> cases_of(const TracedRun& run, const WhatIfOptions& options) {
  const std::string own_group = group_of(run), own_fill = run.router_setting("fill");
  // Of tokens that choose, `k` says how many experts; where experts choose, capacity is their k.
  if (run.router_setting("k").empty() && !run.router_setting("capacity_factor").empty())
    throw NoAssignments(run.run().path +
                        ": its experts choose as many tokens as their capacity, which drops none");
  std::vector<std::string> groups = options.groups, fills = options.fills;
  if (groups.empty()) groups = {own_group};
  if (fills.empty()) fills = {""};
  std::vector<WhatIfCase> cases;
  for (const std::string& group : groups) {
    if (group != "sequence" && group != "batch") {
      if (options.groups.empty())
        throw NoAssignments(run.run().path + ": its capacity is shared by " +
                            config::printable(group) + "; give --group sequence or batch");
      config::require_choice("--group", group, {"sequence", "batch"});
    }
    for (const std::string& fill : fills) {
      WhatIfCase one{group, fill.empty() ? own_fill : fill, size_of(run, group), WhatIfFill::trace};
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

Capacity formula_of(const TracedRun& run, const std::string& factor) {
  Capacity capacity;
  const std::string rounding = run.router_setting("capacity_rounding");
  capacity.factor = factor_of(factor);
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

void each_drop(const TracedRun& run, const std::vector<WhatIfCase>& cases,
               const std::vector<std::string>& factors, const TraceLayer& rows,
               const std::function<void(std::size_t, const std::vector<bool>&)>& use) {
  const index k = choices_of(run);
  std::size_t n = 0;
  for (const WhatIfCase& one : cases) {
    const std::vector<std::int32_t> places = places_in_groups(rows, one.size, one.order);
    for (const std::string& factor : factors) {
      const Capacity capacity = formula_of(run, factor);
      use(n++, dropped_rows(rows, places, run.tokens(), one.size, [&](std::int64_t tokens) {
            return capacity.rows(tokens, k, run.experts());
          }));
    }
  }
}

std::vector<std::string> whatif_notes(const TracedRun& run, const std::vector<WhatIfCase>& cases,
                                      const std::string& factor) {
  std::vector<std::string> notes;
  const auto note = [&](const std::string& text) { notes.push_back(text); };
  const std::string router = run.run().file.text("router"), fill = run.router_setting("fill");
  if (run.fixed())
    note(router + ": exact, because its choices depend on token ids and positions only");
  else
    note(router +
         ": exact for the recorded choices. With another capacity the same weights choose the same "
         "in the first MoE layer; behind a layer that drops others they may choose otherwise, and "
         "training would lead to other weights, so that these rows are estimates and no bounds");
  if (run.traces() > 1)
    note(fmt::format("{}: sums over {} traces, steps {} to {}", router, run.traces(), run.step(0),
                     run.step(run.traces() - 1)));
  if (run.router_setting("capacity_rounding").empty())
    note(router +
         ": has no capacity per choice; rows beyond C are counted, in the order in which "
         "they are listed");
  if (fill == "logit")
    note(router +
         ": a lower bound, because its fill = logit also gives places to tokens that did "
         "not choose the expert");
  const bool by_score = std::any_of(cases.begin(), cases.end(), [](const WhatIfCase& one) {
    return one.order == WhatIfFill::priority;
  });
  if (by_score)
    note(
        "fill = priority ranks tokens by the gate of their first choice, a run by its score: the "
        "same order if gates are not normalised (normalise = none); the number of drops does not "
        "depend on the order, only who is dropped");
  const Capacity example = formula_of(run, factor);
  note(fmt::format(
      "{}: C = {} at capacity factor {}, for {}", router,
      example.limited() ? example.formula(cases.front().size, choices_of(run), run.experts())
                        : "no limit",
      factor, cases.front().group == "sequence" ? "a sequence" : "the tokens of a batch"));
  return notes;
}

}  // namespace moesim
