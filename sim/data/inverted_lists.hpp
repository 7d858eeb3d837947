// Inverted lists say which rows of sparse vectors have a feature, and with which weights.
#pragma once

#include "sim/data/embedding.hpp"

#include <cstdint>
#include <vector>

namespace moesim {

// The number of rows that have each feature: [kFeatures].
std::vector<index> rows_with(const SparseVectors& vectors);

// InvertedLists grows by rows, which are added in ascending order.
class InvertedLists {
 public:
  // Only the features that at most `most` rows have get a list. counts: rows with each feature.
  InvertedLists(const std::vector<index>& counts, index most);

  // Adds the values of a row that are in features with a list, or one value.
  void add(const SparseVectors& vectors, std::size_t row);
  void add(std::uint32_t feature, std::size_t row, float weight);

  // Adds weight × the weights of a feature's list to sums[row], and the rows whose sum was 0 to
  // `touched`. Returns the length of the list.
  std::size_t add_products(std::uint32_t feature, float weight, std::vector<float>& sums,
                           std::vector<std::uint32_t>& touched) const;

 private:
  struct Posting {
    std::uint32_t row;
    float weight;
  };
  std::vector<std::size_t> begin_, end_;  // [kFeatures + 1], [kFeatures]
  std::vector<Posting> postings_;
};

// BlockLists has the lists of a block of at most 65,536 rows. A posting takes four bytes: its weight
// is rounded to bfloat16.
class BlockLists {
 public:
  // The most that rounded weights change the product of two vectors of length 1: 2^-9, and some
  // more for the rounding of this number's users.
  static constexpr float kRounding = 0x1.01p-9f;

  // Rows first .. end-1 of `vectors`, in the features that at most `most` of all rows have.
  BlockLists(const SparseVectors& vectors, std::size_t first, std::size_t end,
             const std::vector<index>& counts, index most);

  // Adds the product of a row and each row of the block to sums[row - first]. Returns the number of
  // products of weights.
  std::size_t add_products(const SparseVectors& vectors, std::size_t row, float* sums) const;

 private:
  std::vector<std::uint32_t> begin_;     // [kFeatures + 1]
  std::vector<std::uint32_t> postings_;  // weight in the upper half, row - first in the lower one
};

}  // namespace moesim
