// Tests shuffling, batches over epochs, and SHA-256.
#include "sim/data/order.hpp"

#include "sim/io/sha256.hpp"
#include "tests/data/support.hpp"

#include <algorithm>
#include <set>
#include <vector>

namespace moesim::testing {

TEST_CASE("shuffled: a permutation for every size, seed and epoch", "[data][order]") {
  for (const index n : {1, 2, 3, 4, 5, 7, 16, 17, 64, 65, 100, 1000, 4097}) {
    for (const index epoch : {0, 1, 9}) {
      std::vector<int> hits(n);
      for (index i = 0; i < n; ++i) {
        const index j = shuffled(i, n, 3, epoch);
        REQUIRE(j >= 0);
        REQUIRE(j < n);
        ++hits[j];
      }
      CHECK(std::all_of(hits.begin(), hits.end(), [](int count) { return count == 1; }));
    }
  }
}

TEST_CASE("shuffled: another order for every seed and epoch", "[data][order]") {
  const auto order = [](std::uint64_t seed, index epoch) {
    std::vector<index> result;
    for (index i = 0; i < 100; ++i) result.push_back(shuffled(i, 100, seed, epoch));
    return result;
  };
  CHECK(order(0, 0) == order(0, 0));
  CHECK(order(0, 0) != order(0, 1));
  CHECK(order(0, 0) != order(1, 0));
}

TEST_CASE("shuffled: every element comes to every place about equally often", "[data][order]") {
  // 5 x 5 counts over 10000 epochs: mean 2000, standard deviation 40; six of them are 240.
  constexpr index n = 5, epochs = 10000;
  std::vector<int> counts(n * n);
  for (index epoch = 0; epoch < epochs; ++epoch)
    for (index i = 0; i < n; ++i) ++counts[i * n + shuffled(i, n, 0, epoch)];
  for (const int count : counts) CHECK(std::abs(count - 2000) < 240);
}

TEST_CASE("spread: a permutation of which every beginning covers the range", "[data][order]") {
  for (const index n : {1, 2, 3, 10, 144, 1000, 1742}) {
    std::set<index> seen;
    for (index i = 0; i < n; ++i) seen.insert(spread(i, n));
    CHECK(static_cast<index>(seen.size()) == n);
    CHECK(*seen.rbegin() == n - 1);
  }
  // The gaps between the first 100 of 1742 places are at most a few times the mean, 17.4.
  std::set<index> seen{0, 1742};
  for (index i = 0; i < 100; ++i) seen.insert(spread(i, 1742));
  for (auto at = std::next(seen.begin()); at != seen.end(); ++at) CHECK(*at - *std::prev(at) <= 50);
}

TEST_CASE("rows_of_step: the last batch is smaller, then the pass begins again", "[data][order]") {
  const auto rows = [](index step) {
    const BatchRows r = rows_of_step(step, 4, 10);
    return std::pair{r.first, r.count};
  };
  CHECK(rows(0) == std::pair<index, index>{0, 4});
  CHECK(rows(1) == std::pair<index, index>{4, 4});
  CHECK(rows(2) == std::pair<index, index>{8, 2});
  CHECK(rows(3) == rows(0));
  CHECK_THROWS_AS(rows_of_step(-1, 4, 10), Error);
}

TEST_CASE("sha256: the vectors of FIPS 180", "[data]") {
  CHECK(sha256_hex("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex("", 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("data sets: every one has a summary and is known by its name", "[data]") {
  std::vector<std::string> names;
  for (const auto& [name, summary] : dataset_summaries()) {
    names.push_back(name);
    CHECK_FALSE(summary.empty());
  }
  CHECK(names == std::vector<std::string>{"synthetic", "text", "tokens", "tasks", "idx", "cifar"});
  const Failure failure = failure_of({{"name", "sinthetic"}});
  CHECK(failure.code == Exit::usage);
  CHECK_THAT(failure.message, contains("synthetic"));
}

}  // namespace moesim::testing
