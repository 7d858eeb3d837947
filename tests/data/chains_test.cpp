// Tests the path through similar documents on graphs whose path is worked out by hand.
#include "sim/data/chains.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <vector>

namespace moesim::testing {
namespace {

using Lists = std::vector<std::vector<Neighbour>>;
using Nodes = std::vector<index>;

}  // namespace

TEST_CASE("chains: six documents by hand", "[data][documents]") {
  // Edges: 0-1 0.9, 0-2 0.5, 1-2 0.6, 1-3 0.8, 2-3 0.7, 4-5 0.4, 2-4 0.3; each in one list at least.
  // Degrees: 2, 3, 4, 2, 2, 1. The first is 5 (degree 1). 5 → 4 → 2 (0.3, the only one) → 3 (0.7,
  // before 1 with 0.6 and 0 with 0.5) → 1 (0.8) → 0 (0.9).
  const Lists lists = {{{1, 0.9}, {2, 0.5}}, {{0, 0.9}, {3, 0.8}}, {{1, 0.6}},
                       {{2, 0.7}},           {{5, 0.4}, {2, 0.3}}, {}};
  CHECK(chains_of(lists, 0).order == Nodes{5, 4, 2, 3, 1, 0});
  CHECK(chains_of(lists, 0).begin == Nodes{0});
  // Chains of two: 5 4 | degrees are then 0: 2, 1: 3, 2: 3, 3: 2: 0 1 | 2: 1, 3: 1: 2 3.
  CHECK(chains_of(lists, 2).order == Nodes{5, 4, 0, 1, 2, 3});
  CHECK(chains_of(lists, 2).begin == Nodes{0, 2, 4});
}

TEST_CASE("chains: a jump where no neighbour is left, to the least degree of the unvisited",
          "[data][documents]") {
  // 0-1 0.9, 1-2 0.8, 1-3 0.7, 3-4 0.6, 3-5 0.5. Degrees: 1, 3, 1, 3, 1, 1. 0 → 1 → 2, the end; left
  // are 3 (degree 2), 4 (1), 5 (1): 4 → 3 → 5.
  const Lists lists = {{{1, 0.9}}, {{2, 0.8}, {3, 0.7}}, {}, {{4, 0.6}, {5, 0.5}}, {}, {}};
  CHECK(chains_of(lists, 0).order == Nodes{0, 1, 2, 4, 3, 5});
  CHECK(chains_of(lists, 0).begin == Nodes{0, 3});
}

TEST_CASE("chains: a node whose neighbours were visited is the next to start at",
          "[data][documents]") {
  // 0-1 0.9, 1-2 0.8, 1-3 0.7, 4-5 0.1. Degrees 1, 3, 1, 1, 1, 1. 0 → 1 → 2. 3 has degree 0 now,
  // below 4 and 5.
  const Lists lists = {{{1, 0.9}}, {{2, 0.8}, {3, 0.7}}, {}, {}, {{5, 0.1}}, {{4, 0.1}}};
  CHECK(chains_of(lists, 0).order == Nodes{0, 1, 2, 3, 4, 5});
  CHECK(chains_of(lists, 0).begin == Nodes{0, 3, 4});
}

TEST_CASE("chains: ties go to the lower node", "[data][documents]") {
  const Lists triangle = {{{2, 0.5}, {1, 0.5}}, {{2, 0.5}}, {}};
  CHECK(chains_of(triangle, 0).order == Nodes{0, 1, 2});
}

TEST_CASE("chains: no node, one, and none with neighbours", "[data][documents]") {
  CHECK(chains_of({}, 0).order.empty());
  CHECK(chains_of({}, 0).begin.empty());
  CHECK(chains_of(Lists(1), 0).order == Nodes{0});
  CHECK(chains_of(Lists(3), 0).order == Nodes{0, 1, 2});
  CHECK(chains_of(Lists(3), 0).begin == Nodes{0, 1, 2});
}

TEST_CASE("chains: a star of many nodes has each once", "[data][documents]") {
  Lists star(5000);
  for (std::size_t i = 1; i < star.size(); ++i) star[i] = {{0, 0.5}};
  const Chains chains = chains_of(star, 0);
  CHECK(Nodes(chains.order.begin(), chains.order.begin() + 4) == Nodes{1, 0, 2, 3});
  CHECK(chains.begin.size() == 4998);
  Nodes sorted = chains.order;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) REQUIRE(sorted[i] == static_cast<index>(i));
}

}  // namespace moesim::testing
