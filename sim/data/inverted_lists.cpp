#include "sim/data/inverted_lists.hpp"

#include <algorithm>
#include <bit>

namespace moesim {
namespace {

constexpr std::uint32_t kRow = 0xFFFF;

// Rounds to the nearest bfloat16, in the upper half; ties away from zero.
std::uint32_t rounded(float weight) {
  return (std::bit_cast<std::uint32_t>(weight) + 0x8000u) & ~kRow;
}

}  // namespace

std::vector<index> rows_with(const SparseVectors& vectors) {
  std::vector<index> counts(kFeatures);
  for (const std::uint32_t feature : vectors.feature) ++counts[feature];
  return counts;
}

InvertedLists::InvertedLists(const std::vector<index>& counts, index most) : begin_(kFeatures + 1) {
  for (std::size_t f = 0; f < kFeatures; ++f)
    begin_[f + 1] = begin_[f] + (counts[f] <= most ? static_cast<std::size_t>(counts[f]) : 0);
  end_.assign(begin_.begin(), begin_.end() - 1);
  postings_.resize(begin_.back());
}

void InvertedLists::add(const SparseVectors& vectors, std::size_t row) {
  for (std::size_t i = vectors.begin[row]; i < vectors.begin[row + 1]; ++i)
    if (const std::uint32_t f = vectors.feature[i]; begin_[f] < begin_[f + 1])
      add(f, row, vectors.weight[i]);
}

void InvertedLists::add(std::uint32_t feature, std::size_t row, float weight) {
  postings_[end_[feature]++] = {static_cast<std::uint32_t>(row), weight};
}

std::size_t InvertedLists::add_products(std::uint32_t feature, float weight,
                                        std::vector<float>& sums,
                                        std::vector<std::uint32_t>& touched) const {
  for (std::size_t i = begin_[feature]; i < end_[feature]; ++i) {
    const auto& [row, other] = postings_[i];
    if (sums[row] == 0) touched.push_back(row);
    sums[row] += weight * other;
  }
  return end_[feature] - begin_[feature];
}

BlockLists::BlockLists(const SparseVectors& vectors, std::size_t first, std::size_t end,
                       const std::vector<index>& counts, index most)
    : begin_(kFeatures + 1) {
  const auto each_value = [&](const auto& visit) {
    for (std::size_t row = first; row < end; ++row)
      for (std::size_t i = vectors.begin[row]; i < vectors.begin[row + 1]; ++i)
        if (counts[vectors.feature[i]] <= most) visit(row, i);
  };
  each_value([&](std::size_t, std::size_t i) { ++begin_[vectors.feature[i] + 1]; });
  for (std::size_t f = 0; f < kFeatures; ++f) begin_[f + 1] += begin_[f];
  postings_.resize(begin_.back());
  std::vector<std::uint32_t> next(begin_.begin(), begin_.end() - 1);
  each_value([&](std::size_t row, std::size_t i) {
    postings_[next[vectors.feature[i]]++] =
        rounded(vectors.weight[i]) | static_cast<std::uint32_t>(row - first);
  });
}

// Lists are short and far apart in memory: the next ones are prefetched.
std::size_t BlockLists::add_products(const SparseVectors& vectors, std::size_t row,
                                     float* sums) const {
  constexpr std::size_t kLine = 64 / sizeof(std::uint32_t), kAhead = 3, kMostLines = 8;
  const std::size_t last = vectors.begin[row + 1];
  std::size_t products = 0;
  for (std::size_t i = vectors.begin[row]; i < last; ++i) {
    if (i + 2 * kAhead < last) __builtin_prefetch(&begin_[vectors.feature[i + 2 * kAhead]]);
    if (i + kAhead < last) {
      const std::uint32_t next = vectors.feature[i + kAhead];
      const std::size_t end =
          std::min<std::size_t>(begin_[next] + kMostLines * kLine, begin_[next + 1]);
      for (std::size_t at = begin_[next]; at < end; at += kLine) __builtin_prefetch(&postings_[at]);
    }
    const std::uint32_t feature = vectors.feature[i];
    const float weight = vectors.weight[i];
    const std::uint32_t *posting = postings_.data() + begin_[feature], *const end =
                                                                           postings_.data() +
                                                                           begin_[feature + 1];
    products += static_cast<std::size_t>(end - posting);
    for (; posting != end; ++posting)
      sums[*posting & kRow] += weight * std::bit_cast<float>(*posting & ~kRow);
  }
  return products;
}

}  // namespace moesim
