#include "sim/moe/trace.hpp"

#include "sim/backend/backend.hpp"
#include "sim/core/error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moesim {
namespace {

std::uint8_t byte_of(index choice) {
  return static_cast<std::uint8_t>(
      std::min<index>(choice, std::numeric_limits<std::uint8_t>::max()));
}

// The rows of a plan that lists nothing else: all are served.
std::vector<TraceRow> rows_of(const Assignment& plan) {
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host(),
                                  token = plan.token.to_host();
  const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>();
  std::vector<TraceRow> rows;
  rows.reserve(token.size());
  for (std::size_t e = 0; e + 1 < offset.size(); ++e)
    for (auto i = static_cast<std::size_t>(offset[e]); i < static_cast<std::size_t>(offset[e + 1]);
         ++i)
      if (token[i] >= 0)
        rows.push_back({.token = token[i],
                        .expert = static_cast<std::int32_t>(e),
                        .gate = gate.empty() ? 1 : static_cast<float>(gate[i])});
  return rows;
}

// Numbers the choices of every token by falling gate, ties by expert.
void number_choices(std::vector<TraceRow>& rows) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto gate = [&](std::size_t i) {
    return std::isnan(rows[i].gate) ? -std::numeric_limits<float>::infinity() : rows[i].gate;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (rows[a].token != rows[b].token) return rows[a].token < rows[b].token;
    return gate(a) != gate(b) ? gate(a) > gate(b) : rows[a].expert < rows[b].expert;
  });
  index number = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    number = i > 0 && rows[order[i]].token == rows[order[i - 1]].token ? number + 1 : 0;
    rows[order[i]].choice = byte_of(number);
  }
}

// The rows of every expert must be its demand. A router that drops without a list has fewer.
void check_demand(const Assignment& plan, const std::vector<TraceRow>& rows) {
  if (!plan.demand) return;
  const std::vector<std::int32_t> demand = plan.demand.to_host();
  std::vector<std::int32_t> listed(demand.size(), 0);
  for (const TraceRow& row : rows) ++listed.at(static_cast<std::size_t>(row.expert));
  for (std::size_t e = 0; e < demand.size(); ++e)
    if (listed[e] != demand[e])
      fail_in("record.trace",
              fmt::format("expert {} has a demand of {}, but {} assignments are listed; a router "
                          "that drops must list what was demanded (Assignment::demanded)",
                          e, demand[e], listed[e]));
}

}  // namespace

const char* name_of(LayerTrace::Rows kind) {
  static const char* const names[] = {"none", "tokens", "slots"};
  return names[static_cast<std::size_t>(kind)];
}

LayerTrace trace_of(const Routing& routing, index experts) {
  LayerTrace trace;
  trace.experts = experts;
  if (const auto* mixing = std::get_if<Mixing>(&routing.plan)) {
    trace.kind = LayerTrace::Rows::slots;
    trace.slots = mixing->dispatch.dim(0) * mixing->slots_per_expert;
    return trace;
  }
  const auto* plan = std::get_if<Assignment>(&routing.plan);
  if (plan == nullptr || !(plan->token || plan->demanded)) return trace;
  trace.kind = LayerTrace::Rows::tokens;
  if (!plan->demanded) {
    trace.rows = rows_of(*plan);
    check_demand(*plan, trace.rows);
    number_choices(trace.rows);
    return trace;
  }
  trace.rows.reserve(plan->demanded->rows.size());
  for (const DemandList::Row& row : plan->demanded->rows)
    trace.rows.push_back({.token = row.token,
                          .expert = row.expert,
                          .gate = static_cast<float>(row.gate),
                          .choice = byte_of(std::max(0, row.choice)),
                          .served = row.served});
  const bool unnumbered = std::any_of(plan->demanded->rows.begin(), plan->demanded->rows.end(),
                                      [](const DemandList::Row& row) { return row.choice < 0; });
  if (unnumbered) number_choices(trace.rows);
  check_demand(*plan, trace.rows);
  return trace;
}

void append(LayerTrace& trace, const LayerTrace& pass, index first) {
  trace.kind = pass.kind, trace.experts = pass.experts;
  trace.slots += pass.slots;
  for (TraceRow row : pass.rows) {
    row.token += static_cast<std::int32_t>(first);
    trace.rows.push_back(row);
  }
}

void sort_by_expert(LayerTrace& trace) {
  std::stable_sort(trace.rows.begin(), trace.rows.end(), [](const TraceRow& a, const TraceRow& b) {
    return a.expert != b.expert ? a.expert < b.expert : a.served > b.served;
  });
}

DemandList demand_list(const std::vector<std::int32_t>& service, const Indices& choice,
                       const Indices& kept, const Tensor& gates, index k) {
  const std::vector<std::int32_t> chosen = choice.to_host(), served = kept.to_host();
  const std::vector<real> gate = gates ? gates.to_host() : std::vector<real>();
  DemandList asked;
  asked.rows.reserve(service.size());
  for (const std::int32_t entry : service) {
    const auto i = static_cast<std::size_t>(entry);
    if (chosen[i] < 0) continue;
    asked.rows.push_back({.token = static_cast<std::int32_t>(entry / k),
                          .expert = chosen[i],
                          .choice = static_cast<std::int32_t>(entry % k),
                          .served = served[i] >= 0,
                          .gate = gate.empty() ? real(1) : gate[i]});
  }
  return asked;
}

}  // namespace moesim
