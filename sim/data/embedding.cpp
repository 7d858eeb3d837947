#include "sim/data/embedding.hpp"

#include "sim/core/error.hpp"
#include "sim/core/random.hpp"
#include "sim/data/folded.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace moesim {
namespace {

// Counts holds the terms of one text by feature.
class Counts {
 public:
  void add(std::uint64_t hash) {
    const auto feature = static_cast<std::uint32_t>(hash % kFeatures);
    if (!seen_[feature]) seen_[feature] = true, features_.push_back(feature);
    count_[feature] += hash >> 63 ? -1 : 1;
  }

  // Calls visit(feature, count) for counts other than 0, by feature, and clears them.
  template <class Visit>
  void take(const Visit& visit) {
    std::sort(features_.begin(), features_.end());
    for (const std::uint32_t feature : features_) {
      if (count_[feature] != 0) visit(feature, count_[feature]);
      count_[feature] = 0;
      seen_[feature] = false;
    }
    features_.clear();
  }

 private:
  std::vector<std::int32_t> count_ = std::vector<std::int32_t>(kFeatures);
  std::vector<bool> seen_ = std::vector<bool>(kFeatures);
  std::vector<std::uint32_t> features_;
};

void add_words(std::string_view text, Counts& counts) {
  const auto is_letter = [](char c) {
    return static_cast<unsigned char>(c) >= 0x80 || (c >= 'a' && c <= 'z') ||
           (c >= '0' && c <= '9') || c == '_';
  };
  std::string word;
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (at < text.size() && is_letter(text[at])) {
      if (word.empty()) word = '\1';
      word += text[at];
    } else if (!word.empty()) {
      counts.add(hash_name(word));
      word.clear();
    }
  }
}

// The n-grams of n = 3, 4, 5 that start at the same character share the hash of their beginning.
void add_ngrams(const Folded& folded, Counts& counts) {
  const std::size_t characters = folded.begin.size() - 1;
  for (std::size_t at = 0; at < characters; ++at) {
    const std::string_view text = folded.text;
    for (std::size_t n = 3; n <= 5 && at + n <= characters; ++n)
      counts.add(hash_name(text.substr(folded.begin[at], folded.begin[at + n] - folded.begin[at])));
  }
}

// Multiplies counts by idf, and divides rows by their length.
void weigh(SparseVectors& vectors) {
  std::vector<index> texts_with(kFeatures);
  for (const std::uint32_t feature : vectors.feature) ++texts_with[feature];
  const double n = static_cast<double>(vectors.rows());
  std::vector<double> idf(kFeatures);
  for (std::size_t i = 0; i < kFeatures; ++i)
    idf[i] = std::log((1 + n) / (1 + static_cast<double>(texts_with[i]))) + 1;
  std::vector<double> row;
  for (std::size_t r = 0; r + 1 < vectors.begin.size(); ++r) {
    row.clear();
    double squares = 0;
    for (std::size_t i = vectors.begin[r]; i < vectors.begin[r + 1]; ++i) {
      const double count = static_cast<double>(vectors.weight[i]);
      row.push_back(std::copysign(1 + std::log(std::abs(count)), count) * idf[vectors.feature[i]]);
      squares += row.back() * row.back();
    }
    for (std::size_t i = 0; i < row.size(); ++i)
      vectors.weight[vectors.begin[r] + i] = static_cast<float>(row[i] / std::sqrt(squares));
  }
}

}  // namespace

SparseVectors embed(const std::vector<std::string_view>& texts, Terms terms) {
  SparseVectors vectors;
  Counts counts;
  for (const std::string_view text : texts) {
    const Folded folded = fold(text);
    add_words(folded.text, counts);
    if (terms == Terms::all) add_ngrams(folded, counts);
    counts.take([&](std::uint32_t feature, std::int32_t count) {
      vectors.feature.push_back(feature);
      vectors.weight.push_back(static_cast<float>(count));
    });
    vectors.begin.push_back(vectors.feature.size());
    if (vectors.feature.size() > kMostValues)
      fail(Exit::usage,
           fmt::format("the vectors of {} documents have more than {} values, and take more than 1 "
                       "GiB: use fewer files, or data.embedding = words",
                       texts.size(), kMostValues));
  }
  weigh(vectors);
  return vectors;
}

SparseVectors selected(const SparseVectors& vectors, const std::vector<index>& rows) {
  SparseVectors result;
  for (const index row : rows) {
    const auto at = static_cast<std::size_t>(row);
    const auto first = static_cast<std::ptrdiff_t>(vectors.begin[at]),
               last = static_cast<std::ptrdiff_t>(vectors.begin[at + 1]);
    result.feature.insert(result.feature.end(), vectors.feature.begin() + first,
                          vectors.feature.begin() + last);
    result.weight.insert(result.weight.end(), vectors.weight.begin() + first,
                         vectors.weight.begin() + last);
    result.begin.push_back(result.feature.size());
  }
  return result;
}

double similarity(const SparseVectors& vectors, index a, index b) {
  std::size_t i = vectors.begin[static_cast<std::size_t>(a)];
  std::size_t j = vectors.begin[static_cast<std::size_t>(b)];
  const std::size_t i_end = vectors.begin[static_cast<std::size_t>(a) + 1];
  const std::size_t j_end = vectors.begin[static_cast<std::size_t>(b) + 1];
  double sum = 0;
  while (i < i_end && j < j_end) {
    const std::uint32_t x = vectors.feature[i], y = vectors.feature[j];
    if (x == y)
      sum += static_cast<double>(vectors.weight[i]) * static_cast<double>(vectors.weight[j]);
    i += x <= y, j += y <= x;
  }
  return sum;
}

// The sum over pairs is (‖Σ v‖² − Σ ‖v‖²) / 2: linear in the number of documents.
double window_similarity(const SparseVectors& vectors, const std::vector<index>& order,
                         const std::vector<index>& size, index length) {
  constexpr index kWindows = 4096;
  std::vector<index> begin = {0};  // of each document in the order
  for (const index row : order) begin.push_back(begin.back() + size[static_cast<std::size_t>(row)]);
  const index starts = begin.back() - length;
  if (starts <= 0) return -1;
  const index windows = std::min(starts, kWindows);
  std::vector<double> sum(kFeatures);
  double total = 0;
  index counted = 0;
  for (index w = 0; w < windows; ++w) {
    const index start = w * starts / windows;
    const auto first = std::upper_bound(begin.begin(), begin.end(), start) - begin.begin() - 1;
    const auto last = std::lower_bound(begin.begin(), begin.end(), start + length) - begin.begin();
    if (last - first < 2) continue;
    double all = 0, own = 0;
    const auto each_value = [&](const auto& visit) {
      for (auto i = first; i < last; ++i) {
        const auto row = static_cast<std::size_t>(order[static_cast<std::size_t>(i)]);
        for (std::size_t at = vectors.begin[row]; at < vectors.begin[row + 1]; ++at)
          visit(sum[vectors.feature[at]], static_cast<double>(vectors.weight[at]));
      }
    };
    each_value([&](double& s, double v) { s += v, own += v * v; });
    each_value([&](double& s, double) { all += s * s, s = 0; });  // each feature once
    const auto n = static_cast<double>(last - first);
    total += (all - own) / (n * (n - 1));
    ++counted;
  }
  return counted == 0 ? -1 : total / static_cast<double>(counted);
}

}  // namespace moesim
