// Tests the synthetic hidden Markov source: entropy rates, Bayes loss, samples.
#include "sim/data/markov.hpp"
#include "tests/data/support.hpp"

#include <cmath>
#include <numeric>
#include <vector>

namespace moesim::testing {
namespace {

MarkovShape tiny(double change) {
  MarkovShape shape;
  shape.domains = 2;
  shape.symbols = 3;
  shape.branching = 2;
  shape.smoothing = 0.1;
  shape.change = change;
  shape.seed = 7;
  return shape;
}

// p(symbols) as the sum over every path of domains: the definition, without a filter.
double brute_probability(const MarkovSource& source, const std::vector<std::int32_t>& symbols) {
  const int n = static_cast<int>(symbols.size());
  const double change = source.shape().change;
  double total = 0;
  for (int path = 0; path < 1 << n; ++path) {
    const auto domain = [path](int t) { return path >> t & 1; };
    double p = 0.5 * source.stationary(domain(0), symbols[0]);
    for (int t = 1; t < n; ++t) {
      p *= domain(t) == domain(t - 1) ? 1 - change : change;
      p *= source.probability(domain(t), symbols[t - 1], symbols[t]);
    }
    total += p;
  }
  return total;
}

// Every sequence of n symbols out of three.
std::vector<std::vector<std::int32_t>> all_sequences(int n) {
  std::vector<std::vector<std::int32_t>> result(1);
  for (int t = 0; t < n; ++t) {
    std::vector<std::vector<std::int32_t>> longer;
    for (const auto& sequence : result)
      for (std::int32_t symbol = 0; symbol < 3; ++symbol) {
        longer.push_back(sequence);
        longer.back().push_back(symbol);
      }
    result = std::move(longer);
  }
  return result;
}

}  // namespace

TEST_CASE("markov: rows and stationary distributions are distributions", "[data][synthetic]") {
  const MarkovSource source(MarkovShape{});
  const index symbols = source.shape().symbols;
  for (index domain = 0; domain < source.shape().domains; ++domain) {
    std::vector<double> next(symbols);
    double sum = 0;
    for (index i = 0; i < symbols; ++i) {
      sum += source.stationary(domain, i);
      double row = 0;
      for (index j = 0; j < symbols; ++j) {
        row += source.probability(domain, i, j);
        next[j] += source.stationary(domain, i) * source.probability(domain, i, j);
      }
      CHECK_THAT(row, WithinAbs(1, 1e-12));
    }
    CHECK_THAT(sum, WithinAbs(1, 1e-12));
    for (index j = 0; j < symbols; ++j)
      CHECK_THAT(next[j], WithinAbs(source.stationary(domain, j), 1e-12));
  }
}

TEST_CASE("markov: entropy rate of chains with two states", "[data][synthetic]") {
  MarkovShape shape;
  shape.domains = 1;
  shape.symbols = 2;
  SECTION("one successor: the other symbol has smoothing / 2 = 0.1 in both states") {
    shape.branching = 1;
    shape.smoothing = 0.2;
    const double by_hand = -0.9 * std::log(0.9) - 0.1 * std::log(0.1);
    CHECK_THAT(MarkovSource(shape).entropy_rate(0), WithinAbs(by_hand, 1e-12));
  }
  SECTION("two successors: the stationary distribution is (b, a) / (a + b)") {
    shape.branching = 2;
    const MarkovSource source(shape);
    const double a = source.probability(0, 0, 1), b = source.probability(0, 1, 0);
    const auto entropy = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
    CHECK_THAT(source.stationary(0, 0), WithinAbs(b / (a + b), 1e-12));
    CHECK_THAT(source.entropy_rate(0),
               WithinAbs((b * entropy(a) + a * entropy(b)) / (a + b), 1e-12));
  }
}

TEST_CASE("markov: the filter gives the probability of every sequence", "[data][synthetic]") {
  for (const double change : {0.0, 0.25, 1.0}) {
    const MarkovSource source(tiny(change));
    double total = 0;
    for (const auto& sequence : all_sequences(5)) {
      const double expected = brute_probability(source, sequence);
      const std::vector<double> costs = source.code_lengths(sequence);
      REQUIRE(costs.size() == 4);
      const double first = brute_probability(source, {sequence[0]});
      const double p = first * std::exp(-std::accumulate(costs.begin(), costs.end(), 0.0));
      CHECK_THAT(p, WithinRel(expected, 1e-12));
      total += expected;
    }
    CHECK_THAT(total, WithinAbs(1, 1e-12));
  }
}

TEST_CASE("synthetic: the Bayes loss is the expected code length", "[data][synthetic]") {
  for (const std::string change : {"0", "0.25"}) {
    const auto data = make_data({{"domains", "2"},
                                 {"symbols", "3"},
                                 {"branching", "2"},
                                 {"smoothing", "0.1"},
                                 {"switch", change},
                                 {"seed", "7"},
                                 {"length", "4"},
                                 {"validation", "40000"}});
    const MarkovSource source(tiny(std::stod(change)));
    double mean = 0, square = 0;  // of the cost of a sequence, by all sequences
    for (const auto& sequence : all_sequences(5)) {
      const double p = brute_probability(source, sequence);
      const double cost = -std::log(p / brute_probability(source, {sequence[0]})) / 4;
      mean += p * cost;
      square += p * cost * cost;
    }
    const double error = std::sqrt((square - mean * mean) / 40000);
    CHECK_THAT(data->info().bayes_loss, WithinAbs(mean, 4 * error));
  }
}

TEST_CASE("synthetic: knowing the domain can only help", "[data][synthetic]") {
  const auto data = make_data({{"switch", "0"}, {"validation", "2048"}});
  const DatasetInfo& info = data->info();
  double known = 0, by_domain = 0;
  for (std::size_t d = 0; d < 4; ++d) {
    known += info.entropy_rate_of_domain[d] / 4;
    by_domain += info.bayes_loss_of_domain[d] / 4;
  }
  CHECK(info.bayes_loss > known);
  CHECK(info.bayes_loss <
        known + std::log(4.0) / 64 + 0.05);  // at most log(domains) nats a sequence
  CHECK_THAT(by_domain, WithinAbs(info.bayes_loss, 0.02));
}

TEST_CASE("synthetic: one domain costs its entropy rate", "[data][synthetic]") {
  const auto data = make_data({{"domains", "1"}, {"validation", "4096"}});
  CHECK_THAT(data->info().bayes_loss, WithinRel(data->info().entropy_rate_of_domain[0], 0.01));
}

TEST_CASE("synthetic: batches", "[data][synthetic]") {
  const auto data = make_data({{"length", "8"}, {"validation", "10"}});
  check_is_function_of_seed_and_step(*data);
  const Batch batch = data->batch(Split::train, 0, 0, 3);
  REQUIRE(batch.ids.size() == 24);
  REQUIRE(batch.domains.size() == 24);
  for (std::size_t i = 0; i < 24; ++i) {
    CHECK(batch.ids[i] >= 0);
    CHECK(batch.ids[i] < data->info().vocabulary);
    if (i % 8 != 7) CHECK(batch.targets[i] == batch.ids[i + 1]);
  }
  // A row is its own stream: the size of the batch does not change it.
  const Batch wider = data->batch(Split::train, 0, 0, 5);
  CHECK(std::equal(batch.ids.begin(), batch.ids.end(), wider.ids.begin()));
  CHECK(data->batch(Split::validation, 0, 2, 4).batch == 2);
  CHECK(data->info().validation_rows == 10);
}

TEST_CASE("synthetic: tokens are numbers where there is no text", "[data][synthetic]") {
  const auto data = make_data({{"length", "8"}, {"symbols", "20"}});
  CHECK(data->encode(" 3 19\n0 ") == std::vector<std::int32_t>{3, 19, 0});
  CHECK(data->encode("").empty());
  CHECK(data->decode({3, 19, 0}) == "3 19 0");
  for (const char* text : {"20", "-1", "3,1", "x", "1e1", "99999999999999999999"})
    CHECK_THROWS_AS(data->encode(text), Error);
}

TEST_CASE("synthetic: samples follow the source", "[data][synthetic]") {
  const auto data = make_data({{"length", "1000"}, {"switch", "0.02"}, {"validation", "1"}});
  const Batch batch = data->batch(Split::train, 0, 0, 100);
  int changes = 0;
  std::vector<double> counts(64);
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    ++counts[batch.ids[i]];
    if (i % 1000 != 0 && batch.domains[i] != batch.domains[i - 1]) ++changes;
  }
  // 99900 chances at 0.02: mean 1998, standard deviation 44.
  CHECK(std::abs(changes - 1998) < 200);
  double distance = 0;
  const double scale = 0x1p20;
  for (std::size_t v = 0; v < 64; ++v)
    distance +=
        std::abs(counts[v] / 1e5 - static_cast<double>(data->info().unigram[v]) / scale) / 2;
  CHECK(distance < 0.05);
  const auto fixed = make_data({{"switch", "0"}});
  const Batch whole = fixed->batch(Split::train, 0, 0, 4);
  for (std::size_t i = 0; i < whole.domains.size(); ++i)
    CHECK(whole.domains[i] == whole.domains[i / 64 * 64]);
}

TEST_CASE("synthetic: the source has a seed and a hash of its own", "[data][synthetic]") {
  const auto first = make_data({{"seed", "0"}}), again = make_data({{"seed", "0"}});
  const auto other = make_data({{"seed", "1"}});
  CHECK(first->info().sha256 == again->info().sha256);
  CHECK(first->info().sha256 != other->info().sha256);
  CHECK(first->info().bayes_loss != other->info().bayes_loss);
}

TEST_CASE("synthetic: options that do not fit together", "[data][synthetic]") {
  const Failure branching = failure_of({{"symbols", "8"}, {"branching", "9"}});
  CHECK(branching.code == Exit::usage);
  CHECK(branching.message == "test: data.branching = 9: more than data.symbols = 8");
  const Failure tables = failure_of({{"symbols", "4096"}, {"branching", "4096"}});
  CHECK(tables.code == Exit::usage);
  CHECK_THAT(tables.message, contains("67108864, expected at most 4194304"));
  const Failure work = failure_of({{"validation", "1000000"}});
  CHECK(work.code == Exit::usage);
  CHECK_THAT(work.message, contains("256000000, expected at most 33554432"));
}

}  // namespace moesim::testing
