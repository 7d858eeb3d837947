// Tests the search of neighbours against comparing all pairs, and counts its work.
#include "sim/data/neighbours.hpp"

#include "tests/data/some_texts.hpp"
#include "tests/data/support.hpp"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace moesim::testing {
namespace {

std::vector<Neighbour> all_neighbours(const SparseVectors& vectors, index row) {
  std::vector<Neighbour> list;
  for (index other = 0; other < vectors.rows(); ++other)
    if (const double s = similarity(vectors, row, other); other != row && s > 0)
      list.push_back({other, s});
  std::sort(list.begin(), list.end(), [](const Neighbour& a, const Neighbour& b) {
    return std::pair(-a.similarity, a.row) < std::pair(-b.similarity, b.row);
  });
  return list;
}

}  // namespace

TEST_CASE("neighbours: those of comparing all pairs, bit for bit", "[data][documents][long]") {
  for (const Terms terms : {Terms::all, Terms::words})
    for (const index k : {1, 10, 1000}) {
      const std::vector<std::string> texts = some_texts(400, 7);
      const SparseVectors vectors = embed({texts.begin(), texts.end()}, terms);
      const auto lists = nearest(vectors, k);
      REQUIRE(lists.size() == 400);
      std::size_t different = 0, found = 0;
      for (index row = 0; row < 400; ++row) {
        std::vector<Neighbour> expected = all_neighbours(vectors, row);
        if (static_cast<index>(expected.size()) > k) expected.resize(static_cast<std::size_t>(k));
        const auto& list = lists[static_cast<std::size_t>(row)];
        found += list.size();
        different += !std::equal(list.begin(), list.end(), expected.begin(), expected.end(),
                                 [](const Neighbour& a, const Neighbour& b) {
                                   return a.row == b.row && a.similarity == b.similarity;
                                 });
      }
      CHECK(different == 0);
      CHECK(found > 300);
    }
  CHECK(nearest(embed({}, Terms::all), 10).empty());
  CHECK(nearest(embed({"the only one"}, Terms::all), 10).at(0).empty());
}

// Documents of 30 words of one of six languages, each with 400 words of its own, of which word i is
// about as frequent as 1 / i.
TEST_CASE("neighbours: few pairs are compared in full", "[data][documents][long]") {
  constexpr index kRows = 3000;
  std::mt19937 random(5);
  std::vector<std::string> texts;
  for (index row = 0; row < kRows; ++row) {
    texts.emplace_back();
    for (int w = 0; w < 30; ++w) {
      const auto range =
          static_cast<index>(std::pow(400, 1e-6 * static_cast<double>(random() % 1000000)));
      const auto word =
          static_cast<std::uint32_t>(400 * (row % 6) + static_cast<index>(random()) % range);
      for (std::uint32_t c = 0, hash = word; c < 6; ++c, hash = hash * 2654435761u + word)
        texts.back() += static_cast<char>('a' + (hash >> 24) % 26);
      texts.back() += ' ';
    }
  }
  const SparseVectors vectors = embed({texts.begin(), texts.end()}, Terms::all);
  SearchCost cost;
  REQUIRE(nearest(vectors, 10, &cost).size() == kRows);
  // Products: of the rows of a block with each other, in features of at most a sixteenth of the
  // rows; and once more in the rarest, for the first guess.
  std::vector<std::uint64_t> rows(kFeatures);
  for (const std::uint32_t feature : vectors.feature) ++rows[feature];
  std::uint64_t listed = 0, all = 0;
  for (const std::uint64_t n : rows) {
    all += n * n;
    if (n <= kRows / 16) listed += n * n;
    if (n <= 16) listed += n * (n - 1) / 2;
  }
  CHECK(cost.products <= listed);
  CHECK(listed < all / 2);
  const std::uint64_t pairs = kRows * (kRows - 1) / 2;
  CAPTURE(listed, all, cost.products, cost.bounded, cost.compared);
  CHECK(cost.bounded < pairs / 2);
  CHECK(cost.compared < 40 * kRows);
}

}  // namespace moesim::testing
