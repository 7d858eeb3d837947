#include "sim/data/repeated.hpp"

#include "sim/data/inverted_lists.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace moesim {
namespace {

// Features by the number of rows that have them, the rarest first: the place of each.
std::vector<std::uint32_t> rarity(const std::vector<index>& counts) {
  std::vector<std::uint32_t> order(kFeatures), place(kFeatures);
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return counts[a] < counts[b]; });
  for (std::uint32_t i = 0; i < kFeatures; ++i) place[order[i]] = i;
  return place;
}

// The share of `least` that the length of the features behind a prefix has, at most.
constexpr double kBehind = 0.9;
// The most that rounding takes from sums of products.
constexpr double kSlack = 1e-4;

}  // namespace

// The prefix of a row are its rarest features, up to a length of the others of kBehind × least. Two
// rows share features in both prefixes, and others that are behind the prefix of one of them: the
// product of these is at most its length there. So the sum over shared features of the prefixes is
// at least `least` - that length if the similarity is `least` (prefix filter, Bayardo et al. 2007).
std::vector<bool> repeated(const SparseVectors& vectors, double least) {
  least -= 1e-6;
  const std::vector<index> counts = rows_with(vectors);
  const std::vector<std::uint32_t> place = rarity(counts);
  InvertedLists lists(counts, vectors.rows());
  std::vector<bool> found(static_cast<std::size_t>(vectors.rows()));
  std::vector<float> sums(found.size()), behind(found.size());
  std::vector<std::uint32_t> touched;
  std::vector<std::uint64_t> values;  // place of the feature, number of the value
  for (std::size_t r = 0; r < found.size(); ++r) {
    values.clear();
    for (std::size_t i = vectors.begin[r]; i < vectors.begin[r + 1]; ++i)
      values.push_back(std::uint64_t{place[vectors.feature[i]]} << 32 | (i - vectors.begin[r]));
    std::sort(values.begin(), values.end());
    double rest = 1;
    std::size_t prefix = 0;
    for (; prefix < values.size() && rest >= kBehind * kBehind * least * least; ++prefix) {
      const std::size_t i = vectors.begin[r] + static_cast<std::uint32_t>(values[prefix]);
      const float weight = vectors.weight[i];
      rest -= static_cast<double>(weight) * static_cast<double>(weight);
      lists.add_products(vectors.feature[i], weight, sums, touched);
    }
    behind[r] = static_cast<float>(std::sqrt(std::max(0.0, rest)));
    for (const std::uint32_t other : touched) {
      const double enough =
          least - static_cast<double>(std::max(behind[r], behind[other])) - kSlack;
      if (!found[r] && static_cast<double>(sums[other]) >= enough)
        found[r] = similarity(vectors, static_cast<index>(r), other) >= least;
      sums[other] = 0;
    }
    touched.clear();
    for (std::size_t p = 0; p < prefix; ++p) {
      const std::size_t i = vectors.begin[r] + static_cast<std::uint32_t>(values[p]);
      lists.add(vectors.feature[i], r, vectors.weight[i]);
    }
  }
  return found;
}

}  // namespace moesim
