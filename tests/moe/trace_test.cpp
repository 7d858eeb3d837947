// Tests the trace of one routing, with plans worked out by hand.
#include "sim/moe/trace.hpp"

#include "sim/moe/choose.hpp"
#include "tests/support/policy.hpp"

#include <tuple>

namespace moesim::testing {
namespace {

using Rows = std::vector<std::tuple<int, int, int, bool, double>>;  // expert, token, choice, served

Rows rows_of(const LayerTrace& trace) {
  Rows rows;
  for (const TraceRow& row : trace.rows)
    rows.emplace_back(row.expert, row.token, row.choice, row.served, row.gate);
  return rows;
}

}  // namespace

TEST_CASE("trace: rows of a plan, with choices by falling gate", "[moe][trace]") {
  const Indices choice = numbers({0, 1, 1, 0});  // two tokens, two choices each
  const Routing routing{.plan = assign(choice, choice, 2, 2, table(2, 2, {0.75, 0.25, 0.5, 0.5}))};
  const LayerTrace trace = trace_of(routing, 2);
  CHECK(trace.kind == LayerTrace::Rows::tokens);
  // A tie goes to the lower expert.
  CHECK(rows_of(trace) == Rows{{0, 0, 0, true, 0.75},
                               {0, 1, 0, true, 0.5},
                               {1, 0, 1, true, 0.25},
                               {1, 1, 1, true, 0.5}});
}

TEST_CASE("trace: a router that drops must list what was demanded", "[moe][trace]") {
  const Indices choice = numbers({0, 0, 1}), kept = numbers({0, -1, 1});
  const Tensor gates = table(3, 1, {0.5, 0.25, 0.75});
  Assignment plan = assign(choice, kept, 1, 2, gates);
  CHECK_THROWS_WITH(trace_of({.plan = plan}, 2),
                    contains("expert 0 has a demand of 2, but 1 assignments are listed"));
  plan.demanded = std::make_shared<DemandList>(demand_list({2, 1, 0}, choice, kept, gates, 1));
  LayerTrace trace = trace_of({.plan = plan}, 2);
  CHECK(rows_of(trace) ==
        Rows{{1, 2, 0, true, 0.75}, {0, 1, 0, false, 0.25}, {0, 0, 0, true, 0.5}});
  // Of several passes: by expert, served ones first.
  append(trace, trace_of({.plan = plan}, 2), 3);
  sort_by_expert(trace);
  CHECK(rows_of(trace) == Rows{{0, 0, 0, true, 0.5},
                               {0, 3, 0, true, 0.5},
                               {0, 1, 0, false, 0.25},
                               {0, 4, 0, false, 0.25},
                               {1, 2, 0, true, 0.75},
                               {1, 5, 0, true, 0.75}});
}

TEST_CASE("trace: plans without tokens", "[moe][trace]") {
  const Tensor weights = Tensor::zeros({3, 2, 4}, test_backend());  // three groups, four slots
  const LayerTrace mixing = trace_of(
      {.plan = Mixing{.dispatch = weights, .combine = weights, .slots_per_expert = 2, .order = {}}},
      2);
  CHECK(mixing.kind == LayerTrace::Rows::slots);
  CHECK(mixing.slots == 6);
  CHECK(mixing.size() == 12);
  CHECK(trace_of({.plan = Custom{}}, 2).kind == LayerTrace::Rows::none);
  CHECK(trace_of({.plan = Assignment{.experts = equal_segments(1, 4, test_backend())}}, 1).size() ==
        0);
}

}  // namespace moesim::testing
