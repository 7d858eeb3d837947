// Embeds documents as sparse vectors of tf-idf weights of hashed n-grams and words (Salton and
// Buckley 1988; hashing as in Weinberger et al. 2009). It depends on the texts alone, and on no
// language and no model.
#pragma once

#include "sim/core/types.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace moesim {

// SparseVectors is a matrix in compressed rows; features ascend in each row.
struct SparseVectors {
  std::vector<std::size_t> begin = {0};  // [rows + 1]
  std::vector<std::uint32_t> feature;    // below kFeatures
  std::vector<float> weight;

  index rows() const { return static_cast<index>(begin.size()) - 1; }
};

inline constexpr std::uint32_t kFeatures = 1u << 18;
// The most values of all vectors together: 1 GiB.
inline constexpr std::size_t kMostValues = std::size_t{1} << 27;

enum class Terms {
  all,    // n-grams of n = 3, 4, 5 characters, and words
  words,  // words
};

// One vector of length 1 per text; a text without a term has no values. Texts are lower-cased
// (Latin, Greek, Cyrillic) and each stretch of white space becomes a space; a byte that is not
// valid UTF-8 is a character of its own. With h the 64-bit FNV-1a hash of a term's bytes (of a
// word: after the byte 1), the term adds 1 or, if bit 63 of h is set, -1 to the count of the
// feature h mod kFeatures. A count c ≠ 0 has the weight sign(c) (1 + ln |c|) (ln((1 + n) / (1 + f))
// + 1), with f of n texts having c ≠ 0, before each vector is divided by its length. Throws (exit
// 2) for more than kMostValues values.
SparseVectors embed(const std::vector<std::string_view>& texts, Terms terms);

// These rows, in this order.
SparseVectors selected(const SparseVectors& vectors, const std::vector<index>& rows);

// The cosine of two rows, summed in the order of features: a function of the two texts and
// symmetric, bit for bit.
double similarity(const SparseVectors& vectors, index a, index b);

// The mean, over windows, of the mean cosine of the pairs of documents that a window has.
//
// order: documents one after the other; size: tokens of each of them, by row. Windows of `length` tokens
// begin at up to 4,096 evenly spaced places; those with one document have no pairs. -1: none has two.
double window_similarity(const SparseVectors& vectors, const std::vector<index>& order,
                         const std::vector<index>& size, index length);

}  // namespace moesim
