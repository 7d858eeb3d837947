// The item "conservation" checks that a routing value is well formed and adds up.
#include "sim/certify/specimen.hpp"
#include "sim/moe/statistics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim::certificate {
namespace {

constexpr double kSum = kDouble ? 1e-10 : 1e-5;  // tolerance of weights that must sum to 1

struct Accounts {
  index tokens = 0, experts = 0;
  bool slots_sum_to_one = true;
};

void demand_that(bool holds, const std::string& otherwise) {
  if (!holds) fail(Exit::internal, otherwise);
}

// Requires offset[0] = 0, ascending offsets, and `rows` at the end.
void check_segments(const Segments& segments, index pieces, index rows, const char* what) {
  const std::vector<std::int32_t> offset = segments.offset.to_host();
  demand_that(static_cast<index>(offset.size()) == pieces + 1,
              fmt::format("{} offsets for {} {}", offset.size(), pieces, what));
  demand_that(offset.front() == 0 && std::is_sorted(offset.begin(), offset.end()),
              fmt::format("offsets of {} do not rise from 0", what));
  demand_that(offset.back() == rows && segments.rows == rows,
              fmt::format("{} end at row {} of {}", what, offset.back(), rows));
}

void check_weights(const Tensor& weights, index size, const char* what) {
  if (!weights) return;
  demand_that(weights.size() == size, fmt::format("{} {} for {} rows", weights.size(), what, size));
  demand_that(finite(weights.to_host()), fmt::format("{} are not finite", what));
}

void check(const Assignment& plan, Accounts& accounts) {
  const index T = accounts.tokens, E = accounts.experts;
  const index rows = plan.token ? plan.token.size() : T;
  check_segments(plan.experts, E, rows, "experts");
  check_weights(plan.gate, rows, "gates");
  check_weights(plan.bypass, T, "bypass weights");
  if (plan.addend) check_weights(plan.addend, plan.addend.cols() * T, "values of the addend");
  const std::vector<std::int32_t> offset = plan.experts.offset.to_host();
  if (plan.token) {
    const std::vector<std::int32_t> token = plan.token.to_host();
    // The last expert that has the token.
    std::vector<std::int32_t> last(static_cast<std::size_t>(T), -1);
    for (index e = 0; e < E; ++e)
      for (auto i = static_cast<std::size_t>(offset[static_cast<std::size_t>(e)]);
           i < static_cast<std::size_t>(offset[static_cast<std::size_t>(e) + 1]); ++i) {
        const std::int32_t t = token[i];
        demand_that(t >= 0 && t < T, fmt::format("row {} is token {} of {}", i, t, T));
        std::int32_t& before = last[static_cast<std::size_t>(t)];
        demand_that(before != e, fmt::format("expert {} gets token {} twice", e, t));
        before = static_cast<std::int32_t>(e);
      }
  }
  if (!plan.demand) return;
  const std::vector<std::int32_t> demand = plan.demand.to_host();
  demand_that(static_cast<index>(demand.size()) == E,
              fmt::format("demand of {} experts, there are {}", demand.size(), E));
  for (std::size_t e = 0; e < demand.size(); ++e) {
    const std::int32_t load = offset[e + 1] - offset[e];
    demand_that(demand[e] >= load,
                fmt::format("expert {} processes {} rows of {} assignments", e, load, demand[e]));
    demand_that(demand[e] <= T,
                fmt::format("expert {} has a demand of {} from {} tokens", e, demand[e], T));
  }
}

void check(const Mixing& plan, Accounts& accounts) {
  const Shape shape = plan.dispatch.shape();
  demand_that(shape.rank() == 3 && shape == plan.combine.shape(),
              fmt::format("dispatch {} and combine {} are not [groups, tokens, slots]",
                          shape.to_string(), plan.combine.shape().to_string()));
  const index groups = shape[0], places = shape[1], slots = shape[2];
  demand_that(slots == accounts.experts * plan.slots_per_expert,
              fmt::format("{} slots for {} experts with {} each", slots, accounts.experts,
                          plan.slots_per_expert));
  std::vector<std::int32_t> times(static_cast<std::size_t>(accounts.tokens), 0);
  if (plan.order) {
    demand_that(plan.order.size() == groups * places, "order does not have a token per place");
    for (const std::int32_t t : plan.order.to_host()) {
      demand_that(t >= -1 && t < accounts.tokens, fmt::format("order names token {}", t));
      if (t >= 0) ++times[static_cast<std::size_t>(t)];
    }
    for (std::size_t t = 0; t < times.size(); ++t)
      demand_that(times[t] == 1, fmt::format("token {} is at {} places", t, times[t]));
  } else {
    demand_that(groups * places == accounts.tokens,
                fmt::format("{} groups of {} do not make up the tokens", groups, places));
  }
  const std::vector<real> dispatch = plan.dispatch.to_host(), combine = plan.combine.to_host();
  demand_that(finite(dispatch) && finite(combine), "weights are not finite");
  for (const std::vector<real>* weights : {&dispatch, &combine})
    demand_that(std::all_of(weights->begin(), weights->end(), [](real w) { return w >= 0; }),
                "a weight is negative");
  for (index g = 0; g < groups; ++g)
    for (index slot = 0; slot < slots; ++slot) {
      double mass = 0;
      for (index s = 0; s < places; ++s)
        mass += static_cast<double>(
            dispatch[static_cast<std::size_t>((g * places + s) * slots + slot)]);
      if (std::abs(mass - 1) > kSum) accounts.slots_sum_to_one = false;
    }
}

void check(const Merging& plan, Accounts& accounts) {
  const index E = accounts.experts;
  demand_that(plan.weights.cols() == E,
              fmt::format("weights {} for {} experts", plan.weights.shape().to_string(), E));
  check_segments(plan.groups, plan.weights.rows(), accounts.tokens, "groups");
  const std::vector<real> weights = plan.weights.to_host();
  demand_that(finite(weights), "weights are not finite");
  for (index g = 0; g < plan.weights.rows(); ++g) {
    double sum = 0;
    for (index e = 0; e < E; ++e)
      sum += static_cast<double>(weights[static_cast<std::size_t>(g * E + e)]);
    demand_that(std::abs(sum - 1) <= kSum,
                fmt::format("the weights of group {} sum to {:.6g}, not 1", g, sum));
  }
}

void check(const Custom& plan, Accounts& accounts) {
  demand_that(static_cast<index>(plan.load.size()) == accounts.experts,
              fmt::format("load of {} experts, there are {}", plan.load.size(), accounts.experts));
  for (const double load : plan.load)
    demand_that(std::isfinite(load) && load >= 0, fmt::format("a load is {}", load));
}

void check(const Routing& routing, Accounts& accounts) {
  std::visit([&](const auto& plan) { check(plan, accounts); }, routing.plan);
  if (const Tensor& scores = routing.scores) {
    const auto* merging = std::get_if<Merging>(&routing.plan);
    const index rows = merging ? merging->weights.rows() : accounts.tokens;
    demand_that(scores.rows() == rows && scores.cols() == accounts.experts,
                fmt::format("scores {} for {} rows and {} experts", scores.shape().to_string(),
                            rows, accounts.experts));
    demand_that(finite(scores.to_host()), "scores are not finite");
  }
  check_metrics(routing.metrics);
  for (const Loss& loss : routing.losses)
    demand_that(loss.value.size() == 1 && std::isfinite(loss.value.item()) &&
                    std::isfinite(loss.weight) && !loss.name.empty(),
                "the " + loss.name + " loss is not a finite number with a name and a weight");
}

// Returns "" if the routing adds up.
std::string trouble(Specimen& specimen, const Batch& batch, Mode mode, Accounts& accounts) {
  accounts.tokens = batch.x.rows();
  accounts.experts = specimen.router().traits().experts;
  Routing routing;
  try {
    routing = specimen.route(batch, mode);
  } catch (const std::exception&) {
    // Sizes that route() rejects belong to "edges", except the site's own.
    if (batch.batch == specimen.site().batch && batch.length == specimen.site().length) throw;
    return {};
  }
  try {
    check(routing, accounts);
  } catch (const Error& error) {
    return fmt::format("{} (batch {}, length {}, {})", error.what(), batch.batch, batch.length,
                       mode.training ? "training" : "evaluation");
  }
  return {};
}

}  // namespace

Item check_conservation(const Subject& subject) {
  Specimen specimen(subject, small_sites(subject.causal));
  const Site& site = specimen.site();
  struct Lengths {
    index batch, length;
  };
  Accounts accounts;
  for (std::uint64_t draw = 0; draw < 8; ++draw)
    for (const Lengths shape : {Lengths{site.batch, site.length}, Lengths{3, 5}, Lengths{1, 1}})
      for (const bool training : {true, false}) {
        specimen.randomise(draw, draw % 2 == 0 ? 0.5 : 2.0);
        const Batch batch = specimen.batch(draw, shape.batch, shape.length, draw % 4 < 2 ? 0 : 1);
        const std::string what = trouble(specimen, batch, {training, draw}, accounts);
        if (!what.empty()) return {{}, Verdict::fail, what};
      }
  if (!accounts.slots_sum_to_one)
    return {{}, Verdict::warn, "a slot's dispatch weights over its tokens do not sum to 1"};
  return {{}, Verdict::pass, "adds up"};
}

}  // namespace moesim::certificate
