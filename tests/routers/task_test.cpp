// Tests task: all tokens of a task take the experts of its row, by a naive reference in double.
#include "sim/moe/choose.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/plugin.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace moesim::testing {
namespace {

using Ids = std::vector<std::int32_t>;
using Rows = std::vector<std::vector<double>>;

constexpr double kTaskClose = kDouble ? 1e-12 : 1e-5;
const Site kThreeTasks{.width = 3, .experts = 4, .batch = 2, .length = 5, .domains = 3};
// A window of two examples, and one of three, the last of which is of the first one's task.
const Ids kPacked = {0, 0, 2, 2, 2, 1, 1, 0, 1, 1};

Tokens labelled(TinyLayer& layer, const Tensor& x, const Ids& domains) {
  Tokens tokens = layer.tokens(x);
  tokens.domain = Indices::of(domains, test_backend());
  return tokens;
}

std::vector<double> softmax_of(const std::vector<double>& logits) {
  std::vector<double> p;
  double sum = 0;
  for (const double l : logits) sum += std::exp(l);
  for (const double l : logits) p.push_back(std::exp(l) / sum);
  return p;
}

// The experts of the k largest logits, of equal ones the lower.
std::vector<std::size_t> best(const std::vector<double>& logits, std::size_t k) {
  std::vector<std::size_t> order(logits.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
  order.resize(k);
  return order;
}

// The row of the router for each task.
Rows rows_of(const TinyLayer& layer) {
  const Tensor weight = parameter_of(*layer.router, "weight");
  const std::vector<double> all = host(weight);
  Rows rows;
  for (index task = 0; task < weight.rows(); ++task)
    rows.emplace_back(all.begin() + task * weight.cols(), all.begin() + (task + 1) * weight.cols());
  return rows;
}

// y[t] = Σ over the task's k best experts of g f_e(x[t]), with gates divided by their sum or not.
void check_outputs(const OptionValues& options, std::size_t k, bool divided) {
  TinyLayer layer(kThreeTasks, "task", options);
  const Tensor x = layer.input();
  const Tokens tokens = labelled(layer, x, kPacked);
  const std::vector<double> y = host(execute(layer.router->route(tokens), tokens, *layer.expert));
  const Rows rows = rows_of(layer);
  Rows outputs;  // of every expert for all tokens
  for (index e = 0; e < 4; ++e) outputs.push_back(host(layer.apply_expert(e, x)));
  for (std::size_t t = 0; t < kPacked.size(); ++t) {
    const std::vector<double>& logits = rows[static_cast<std::size_t>(kPacked[t])];
    const std::vector<double> p = softmax_of(logits);
    const std::vector<std::size_t> chosen = best(logits, k);
    double sum = 0;
    for (const std::size_t e : chosen) sum += p[e];
    for (std::size_t d = 0; d < 3; ++d) {
      double expected = 0;
      for (const std::size_t e : chosen)
        expected += p[e] / (divided ? sum : 1) * outputs[e][3 * t + d];
      CHECK_THAT(y[3 * t + d], WithinAbs(expected, 10 * kTaskClose));
    }
  }
}

// E/k Σ_e f_e P_e, f and P means over rows of the router, one for each of these tasks.
double balance_of(const Rows& rows, const Ids& tasks, std::size_t k) {
  const std::size_t E = rows.front().size();
  std::vector<double> f(E), P(E);
  for (const std::int32_t task : tasks) {
    const auto& logits = rows[static_cast<std::size_t>(task)];
    const std::vector<double> p = softmax_of(logits);
    for (std::size_t e = 0; e < E; ++e) P[e] += p[e] / static_cast<double>(tasks.size());
    for (const std::size_t e : best(logits, k)) f[e] += 1 / static_cast<double>(tasks.size());
  }
  double sum = 0;
  for (std::size_t e = 0; e < E; ++e) sum += f[e] * P[e];
  return sum * static_cast<double>(E) / static_cast<double>(k);
}

}  // namespace

TEST_CASE("task: the experts and gates of a token are those of its task's row", "[routers]") {
  check_outputs({}, 1, false);
  check_outputs({{"k", "2"}, {"normalise", "none"}}, 2, false);
  check_outputs({{"k", "2"}, {"normalise", "sum"}}, 2, true);
  check_outputs({{"k", "3"}, {"softmax", "after"}}, 3, true);
}

TEST_CASE("task: f and P of the balance loss are means over examples", "[routers]") {
  TinyLayer layer(kThreeTasks, "task", {{"k", "2"}});
  const auto loss = [&](const Ids& domains) {
    const Routing routing = layer.router->route(labelled(layer, layer.input(), domains));
    REQUIRE(routing.losses.size() == 1);
    CHECK(routing.losses[0].weight == Approx(0.01));
    return host(routing.losses[0].value)[0];
  };
  const Rows rows = rows_of(layer);
  // One example per window: the mean over tokens is that over examples.
  CHECK_THAT(loss({2, 2, 2, 2, 2, 1, 1, 1, 1, 1}),
             WithinAbs(balance_of(rows, {2, 1}, 2), kTaskClose));
  // Packed: examples weigh by their length.
  CHECK_THAT(loss(kPacked), WithinAbs(balance_of(rows, kPacked, 2), kTaskClose));
}

TEST_CASE("task: without tasks every token takes the same experts, as in a dense network",
          "[routers]") {
  for (const index domains : {0, 1}) {
    Site site = kThreeTasks;
    site.domains = domains;
    TinyLayer layer(site, "task", {{"normalise", "sum"}, {"allow_constant_gate", "true"}});
    CHECK(!layer.router->traits().labelled);
    const std::size_t e = best(rows_of(layer).front(), 1).front();
    const Tensor x = layer.input();
    CHECK(host(layer.run(x)) == host(layer.apply_expert(static_cast<index>(e), x)));
  }
}

TEST_CASE("task: a subset of tokens keeps its tasks", "[routers]") {
  TinyLayer layer(kThreeTasks, "task", {});
  const Tokens part =
      labelled(layer, layer.input(), kPacked)
          .subset(Indices::of({2, 5, -1, 9}, test_backend()), equal_segments(2, 2, test_backend()));
  CHECK(part.domain.to_host() == Ids{2, 1, -1, 1});
  CHECK(part.with(part.x).domain.to_host() == Ids{2, 1, -1, 1});
}

TEST_CASE("task: unknown tasks and dead rows are refused", "[routers]") {
  TinyLayer layer(kThreeTasks, "task", {});
  CHECK(layer.router->traits().labelled);
  CHECK_THROWS_WITH(layer.route(layer.input()), contains("the task of these tokens is not known"));
  CHECK_THROWS_WITH(make_router("task", kThreeTasks, {{"softmax", "after"}}),
                    contains("gate is always 1"));
}

}  // namespace moesim::testing
