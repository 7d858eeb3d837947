// Tests routing statistics, summed on the device, against loops over all assignments.
#include "sim/moe/statistics.hpp"

#include "sim/backend/cpu/cpu_backend.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"
#include "tests/train/support.hpp"

#include <cmath>
#include <map>

namespace moesim::testing {
namespace {

struct Naive {
  LayerStatistics& s;
  index T, E;
  const std::vector<std::int32_t>& domains;

  // `row` of expert e serves token t with this gate; what counts for the domain is told apart.
  void add(std::size_t t, std::size_t e, double served, double weight, double of_domain) {
    s.load[e] += served;
    s.importance[e] += weight;
    if (!domains.empty()) s.domain_load[static_cast<std::size_t>(domains[t] * E) + e] += of_domain;
  }

  void operator()(const Assignment& plan) {
    const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
    const std::vector<std::int32_t> token =
        plan.token ? plan.token.to_host() : std::vector<std::int32_t>{};
    const std::vector<real> gate = plan.gate ? plan.gate.to_host() : std::vector<real>{};
    std::vector<int> rows(static_cast<std::size_t>(T));
    for (std::size_t e = 0; e < static_cast<std::size_t>(E); ++e)
      for (std::int32_t row = offset[e]; row < offset[e + 1]; ++row) {
        const auto at = static_cast<std::size_t>(row);
        const std::size_t t = token.empty() ? at : static_cast<std::size_t>(token[at]);
        ++rows[t];
        add(t, e, 1, gate.empty() ? 1 : double(gate[at]), 1);
      }
    s.demand = s.load;
    if (plan.demand) {
      const std::vector<std::int32_t> demand = plan.demand.to_host();
      s.demand.assign(demand.begin(), demand.end());
    }
    for (const int n : rows) s.unrouted += n == 0;
    for (std::size_t e = 0; e < s.load.size(); ++e) {
      s.dropped += s.demand[e] - s.load[e];
      s.rows += s.load[e];
    }
  }
  void operator()(const Mixing& plan) {
    const std::vector<real> in = plan.dispatch.to_host(), out = plan.combine.to_host();
    const std::vector<std::int32_t> order =
        plan.order ? plan.order.to_host() : std::vector<std::int32_t>{};
    const auto P = static_cast<std::size_t>(plan.dispatch.dim(2)),
               p = static_cast<std::size_t>(plan.slots_per_expert);
    s.rows = static_cast<double>(plan.dispatch.dim(0)) * static_cast<double>(P);
    for (std::size_t i = 0; i < in.size(); ++i) {
      const std::size_t place = i / P;
      const auto t = order.empty() ? static_cast<std::int64_t>(place) : order[place];
      if (t >= 0)
        add(static_cast<std::size_t>(t), i % P / p, double(in[i]), double(out[i]), double(out[i]));
    }
    s.demand = s.load;
  }
  void operator()(const Merging& plan) {
    const std::vector<real> weights = plan.weights.to_host();
    const std::vector<std::int32_t> offset = plan.groups.offset.to_host();
    for (std::size_t g = 0; g + 1 < offset.size(); ++g)
      for (auto t = static_cast<std::size_t>(offset[g]);
           t < static_cast<std::size_t>(offset[g + 1]); ++t, ++s.rows)
        for (std::size_t e = 0; e < static_cast<std::size_t>(E); ++e) {
          const double w = double(weights[g * static_cast<std::size_t>(E) + e]);
          add(t, e, w, w, w);
        }
    s.demand = s.load;
  }
  void operator()(const Custom& plan) {
    s.demand = s.load = s.importance = plan.load;
    for (const double rows : plan.load) s.rows += rows;
  }
};

LayerStatistics naive(const Routing& routing, index T, index E,
                      const std::vector<std::int32_t>& domains, index domain_count) {
  LayerStatistics s;
  const auto size = static_cast<std::size_t>(E);
  s.tokens = static_cast<double>(T);
  s.load.resize(size), s.importance.resize(size);
  if (!domains.empty()) s.domain_load.resize(static_cast<std::size_t>(domain_count) * size);
  std::visit(Naive{s, T, E, domains}, routing.plan);
  for (const double d : s.demand) s.assignments += d;
  if (!routing.scores) return s;
  const std::vector<real> scores = routing.scores.to_host();
  s.scored = static_cast<double>(routing.scores.rows());
  for (std::size_t row = 0; row < scores.size(); row += size) {
    double sum = 0;
    for (std::size_t e = 0; e < size; ++e) sum += double(scores[row + e]);
    for (std::size_t e = 0; e < size; ++e)
      if (const double p = double(scores[row + e]) / sum; p > 0) s.entropy -= p * std::log(p);
  }
  return s;
}

void compare(const std::vector<double>& got, const std::vector<double>& want) {
  REQUIRE(got.size() == want.size());
  for (std::size_t i = 0; i < want.size(); ++i)
    CHECK_THAT(got[i], WithinRel(want[i], 1e-12) || WithinAbs(want[i], 1e-300));
}

void compare(const LayerStatistics& got, const LayerStatistics& want) {
  compare(got.demand, want.demand);
  compare(got.load, want.load);
  compare(got.importance, want.importance);
  compare(got.domain_load, want.domain_load);
  compare({got.tokens, got.rows, got.assignments, got.unrouted, got.entropy, got.scored},
          {want.tokens, want.rows, want.assignments, want.unrouted, want.entropy, want.scored});
  CHECK_THAT(got.dropped, WithinAbs(want.dropped, 1e-9));
}

// Every layer of a forward pass, in training and at evaluation. -> the sum of what was compared
LayerStatistics check_model(const std::vector<std::string>& values) {
  Training training(values, 1);
  const auto domain_count = static_cast<index>(training.data->info().domains.size());
  LayerStatistics all;
  for (const bool is_training : {true, false}) {
    Context context;
    context.training = is_training;
    const Example example = training.task->prepare(
        training.data->batch(Split::train, 0, 0, is_training ? 8 : 5), training.backend);
    const Indices domain =
        example.domains.empty() ? Indices() : Indices::of(example.domains, training.backend);
    const index T = example.input.batch * example.input.length;
    context.on_routing = [&](index, const Routing& routing) {
      const index E = training.model->moe_layer(0).router().traits().experts;
      const LayerStatistics got =
          statistics(measure(routing, T, E, domain, domain_count, training.backend));
      compare(got, naive(routing, T, E, example.domains, domain_count));
      all.add(got);
    };
    std::vector<Loss> losses;
    training.model->forward(example.input, context, losses);
  }
  REQUIRE(all.tokens > 0);
  return all;
}

TEST_CASE("statistics: every router, with domains and without", "[moe][statistics]") {
  for (const std::string& router : Registry<Router>::names())
    for (const char* domains : {"1", "3"}) {
      CAPTURE(router, domains);
      check_model({"router.name", router, "data.domains", domains});
    }
}

TEST_CASE("statistics: drops, slots and places without a token", "[moe][statistics]") {
  const LayerStatistics dropped =
      check_model({"router.name", "token_choice", "router.token_choice.k", "2",
                   "router.token_choice.capacity_factor", "0.5",
                   "router.token_choice.capacity_factor_eval", "0.5", "data.domains", "2"});
  CHECK(dropped.dropped > 0);
  CHECK(dropped.unrouted > 0);
  check_model({"router.name", "soft", "router.soft.slots", "3", "data.domains", "2"});
  // The evaluation's five sequences end inside a group; combine weights there are not 0.
  check_model({"router.name", "mixture_of_tokens", "router.mixture_of_tokens.group_size", "4",
               "router.mixture_of_tokens.emit_softmax", "experts", "data.domains", "2"});
}

TEST_CASE("statistics: plans by hand", "[moe][statistics]") {
  Backend& backend = test_backend();
  // Three of four tokens, experts 0 and 2 of three; expert 2 has a demand of one more.
  Routing routing;
  routing.plan = Assignment{.token = Indices::of({2, 0, 1}, backend),
                            .experts = {Indices::of({0, 1, 1, 3}, backend), 3},
                            .gate = Tensor::of({3}, {real(0.5), 1, 2}, backend),
                            .demand = Indices::of({1, 0, 3}, backend),
                            .bypass = {}};
  LayerStatistics s =
      statistics(measure(routing, 4, 3, Indices::of({0, 1, 1, 0}, backend), 2, backend));
  CHECK(s.load == std::vector<double>{1, 0, 2});
  CHECK(s.demand == std::vector<double>{1, 0, 3});
  CHECK(s.importance == std::vector<double>{0.5, 0, 3});
  CHECK(s.domain_load == std::vector<double>{0, 0, 1, 1, 0, 1});
  CHECK(s.assignments == 4);
  CHECK(s.dropped == 1);
  CHECK(s.unrouted == 1);
  CHECK(s.scored == 0);
  CHECK(s.rows_per_token() == 0.75);
  CHECK(s.plan == "assignment");

  routing = {};
  routing.plan = Custom{.apply = {}, .load = {3, 1}};
  s = statistics(measure(routing, 4, 2, {}, 0, backend));
  CHECK(s.importance == std::vector<double>{3, 1});
  CHECK(s.domain_load.empty());
  CHECK(s.unrouted == 0);
}

TEST_CASE("statistics: the table of what is recorded", "[moe][statistics]") {
  LayerStatistics s;
  s.demand = {3, 1, 0, 4}, s.load = {2, 1, 0, 3}, s.importance = {1, 0.5, 0, 2};
  s.tokens = 4, s.rows = 6, s.assignments = 8, s.dropped = 2, s.unrouted = 1;
  s.entropy = 3, s.scored = 4;
  // Of demand: mean 2, deviations 1, -1, -2, 2; shares 3/8, 1/8, 1/2.
  const double entropy = -(0.375 * std::log(0.375) + 0.125 * std::log(0.125) + 0.5 * std::log(0.5));
  const std::map<std::string, std::vector<double>> want = {
      {"demand", s.demand},
      {"load", s.load},
      {"importance", s.importance},
      {"assignments", {8}},
      {"dropped", {2}},
      {"unrouted_tokens", {1}},
      {"rows_per_token", {1.5}},
      {"router_entropy", {0.75}},
      {"load_cv", {std::sqrt(2.5) / 2}},
      {"max_violation", {1}},
      {"dead_experts", {1}},
      {"effective_experts", {std::exp(entropy)}}};
  REQUIRE(all_statistics().size() == want.size());
  for (const Statistic& each : all_statistics()) {
    CAPTURE(each.name);
    const std::vector<double> got = each.get(s);
    REQUIRE(got.size() == (each.per == Statistic::Per::expert ? 4u : 1u));
    compare(got, want.at(each.name));
    CHECK(find_statistic(each.name) == &each);
    CHECK(find_statistic(std::string("eval_") + each.name) == &each);
  }
  CHECK(find_statistic("loss") == nullptr);
  CHECK(find_statistic("eval_loss") == nullptr);
  CHECK(std::isnan(LayerStatistics().rows_per_token()));
}

// Counts what goes back to the host.
struct Counting : CpuBackend {
  void copy_to_host(void* host, const void* device, std::size_t bytes) override {
    ++copies, copied += bytes;
    CpuBackend::copy_to_host(host, device, bytes);
  }
  int copies = 0;
  std::size_t copied = 0;
};

TEST_CASE("statistics: one small copy for each layer", "[moe][statistics]") {
  constexpr index T = 4096, E = 4;
  Counting backend;
  std::vector<std::int32_t> offset, token;
  for (index e = 0; e <= E; ++e) offset.push_back(static_cast<std::int32_t>(e * T / E));
  for (index t = 0; t < T; ++t) token.push_back(static_cast<std::int32_t>(T - 1 - t));
  const Indices domain = Indices::of(std::vector<std::int32_t>(T, 1), backend);
  const Tensor scores = Tensor::full({T, E}, real(0.25), backend);
  Routing routings[3];
  routings[0].plan = Assignment{.token = Indices::of(token, backend),
                                .experts = {Indices::of(offset, backend), T},
                                .gate = Tensor::full({T}, 1, backend),
                                .demand = {},
                                .bypass = {}};
  routings[1].plan = Mixing{.dispatch = scores.reshape({2, T / 2, E}),
                            .combine = scores.reshape({2, T / 2, E}),
                            .slots_per_expert = 1,
                            .order = Indices::of(token, backend)};
  routings[2].plan = Merging{.weights = Tensor::full({E, E}, real(0.25), backend),
                             .groups = {Indices::of(offset, backend), T}};
  for (Routing& routing : routings) {
    routing.scores = scores;
    CAPTURE(plan_name(routing));
    backend.copies = 0, backend.copied = 0;
    const Measurement measurement = measure(routing, T, E, domain, 2, backend);
    CHECK(backend.copies == 0);
    const LayerStatistics s = statistics(measurement);
    CHECK(backend.copies == 1);
    CHECK(backend.copied < 200);
    CHECK_THAT(s.domain_load[E], WithinRel(double(T / E), 1e-12));
    CHECK_THAT(s.mean_entropy(), WithinRel(std::log(4.0), 1e-12));
  }
}

}  // namespace
}  // namespace moesim::testing
