// Tests the search of neighbours against comparing all pairs.
#include "sim/data/neighbours.hpp"

#include "tests/data/support.hpp"

#include <algorithm>
#include <random>
#include <vector>

namespace moesim::testing {
namespace {

// Texts of words of which few are frequent, some nearly repeated, two without a term.
std::vector<std::string> some_texts(int count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::string> texts = {"", "!!"};
  for (int i = 2; i < count; ++i) {
    std::string text;
    const auto words = 4 + random() % 12;
    for (std::uint32_t w = 0; w < words; ++w) {
      const std::uint32_t range = 1u << (1 + random() % 8);
      text += "w" + std::to_string(random() % range * 7919 % 1000) + " ";
    }
    if (i % 10 == 9) text = texts[texts.size() - 1 - random() % 5] + (i % 20 == 9 ? "" : " more");
    texts.push_back(text);
  }
  return texts;
}

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

TEST_CASE("neighbours: those of comparing all pairs, bit for bit", "[data][documents]") {
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

TEST_CASE("neighbours: near-duplicates are those of comparing all pairs", "[data][documents]") {
  const std::vector<std::string> texts = some_texts(400, 11);
  const SparseVectors vectors = embed({texts.begin(), texts.end()}, Terms::all);
  for (const double least : {0.3, 0.8, 0.95, 1.0}) {
    CAPTURE(least);
    std::vector<bool> expected(400);
    for (index row = 0; row < 400; ++row)
      for (index before = 0; before < row; ++before)
        if (similarity(vectors, before, row) >= least - 1e-6)
          expected[static_cast<std::size_t>(row)] = true;
    CHECK(std::count(expected.begin(), expected.end(), true) > 10);
    CHECK(repeated(vectors, least) == expected);
  }
}

}  // namespace moesim::testing
