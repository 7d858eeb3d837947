#include "sim/data/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>

namespace moesim {
namespace {

// Postings is the transpose of vectors: the rows with each feature, ascending, and their weights.
struct Postings {
  std::vector<std::size_t> begin = std::vector<std::size_t>(kFeatures + 1);
  std::vector<std::uint32_t> row;
  std::vector<float> weight;

  index count(std::uint32_t feature) const {
    return static_cast<index>(begin[feature + 1] - begin[feature]);
  }
};

std::vector<index> counts_of(const SparseVectors& vectors) {
  std::vector<index> counts(kFeatures);
  for (const std::uint32_t feature : vectors.feature) ++counts[feature];
  return counts;
}

// Of the features that `most` rows have, or fewer.
Postings postings_of(const SparseVectors& vectors, const std::vector<index>& counts, index most) {
  Postings postings;
  for (std::uint32_t f = 0; f < kFeatures; ++f)
    postings.begin[f + 1] =
        postings.begin[f] + (counts[f] <= most ? static_cast<std::size_t>(counts[f]) : 0);
  postings.row.resize(postings.begin.back());
  postings.weight.resize(postings.begin.back());
  std::vector<std::size_t> next(postings.begin.begin(), postings.begin.end() - 1);
  for (std::size_t r = 0; r + 1 < vectors.begin.size(); ++r)
    for (std::size_t i = vectors.begin[r]; i < vectors.begin[r + 1]; ++i) {
      const std::uint32_t f = vectors.feature[i];
      if (counts[f] > most) continue;
      const std::size_t at = next[f]++;
      postings.row[at] = static_cast<std::uint32_t>(r);
      postings.weight[at] = vectors.weight[i];
    }
  return postings;
}

// Bounds of float sums are this much too low at most: 2^18 roundings of sums below 1 are far less.
constexpr double kSlack = 1e-4;
constexpr float kDone = -4;  // below every sum

bool is_before(const Neighbour& a, const Neighbour& b) {
  return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
}

// Nearest keeps the k best neighbours seen: a heap with the worst on top.
class Nearest {
 public:
  explicit Nearest(index k) : k_(static_cast<std::size_t>(k)) {}

  bool full() const { return heap_.size() == k_; }
  double least() const { return full() ? heap_.front().similarity : 0; }
  void add(const Neighbour& neighbour) {
    if (full()) {
      if (!is_before(neighbour, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), is_before);
      heap_.back() = neighbour;
    } else {
      heap_.push_back(neighbour);
    }
    std::push_heap(heap_.begin(), heap_.end(), is_before);
  }
  std::vector<Neighbour> take() {
    std::sort_heap(heap_.begin(), heap_.end(), is_before);
    return std::move(heap_);
  }
  const std::vector<Neighbour>& all() const { return heap_; }

 private:
  std::size_t k_;
  std::vector<Neighbour> heap_;
};

// Search finds the neighbours of one row after the other. The product with a row is the sum over
// rare features, from postings, and over common ones, of which the bound is |a| |b| (Cauchy and
// Schwarz), with |.| the lengths of the parts of common features. These are small, because idf is;
// only rows whose bound reaches the k-th best similarity are compared in full.
class Search {
 public:
  explicit Search(const SparseVectors& vectors)
      : vectors_(vectors), sums_(static_cast<std::size_t>(vectors.rows())), query_(kFeatures) {
    constexpr index kCommon = 8;  // in more than an eighth of the rows: the fastest of 3, 8, 24
    const std::vector<index> counts = counts_of(vectors);
    const index most = std::max<index>(16, vectors.rows() / kCommon);
    rare_ = postings_of(vectors, counts, most);
    for (std::size_t r = 0; r + 1 < vectors.begin.size(); ++r) {
      double squares = 0;
      for (std::size_t i = vectors.begin[r]; i < vectors.begin[r + 1]; ++i)
        if (counts[vectors.feature[i]] > most)
          squares += static_cast<double>(vectors.weight[i]) * static_cast<double>(vectors.weight[i]);
      common_.push_back(static_cast<float>(std::sqrt(squares)));
    }
  }

  std::vector<Neighbour> nearest(index row, index k) {
    const auto q = static_cast<std::size_t>(row);
    std::fill(sums_.begin(), sums_.end(), 0.0f);
    for (std::size_t i = vectors_.begin[q]; i < vectors_.begin[q + 1]; ++i) {
      const std::uint32_t f = vectors_.feature[i];
      const float weight = vectors_.weight[i];
      query_[f] = weight;
      for (std::size_t p = rare_.begin[f]; p < rare_.begin[f + 1]; ++p)
        sums_[rare_.row[p]] += weight * rare_.weight[p];
    }
    // The rows with the largest sums have about the k-th best similarity.
    Nearest guess(k), best(k);
    for (std::size_t r = 0; r < sums_.size(); ++r)
      if (r != q && static_cast<double>(sums_[r]) > guess.least())
        guess.add({static_cast<index>(r), sums_[r]});
    for (const Neighbour& each : guess.all()) {
      add(each.row, best);
      sums_[static_cast<std::size_t>(each.row)] = kDone;
    }
    sums_[q] = kDone;
    const float length = common_[q];
    float least = static_cast<float>(best.least() - kSlack);
    for (std::size_t r = 0; r < sums_.size(); ++r) {
      if (sums_[r] + length * common_[r] < least || sums_[r] == kDone) continue;
      add(static_cast<index>(r), best);
      least = static_cast<float>(best.least() - kSlack);
    }
    for (std::size_t i = vectors_.begin[q]; i < vectors_.begin[q + 1]; ++i)
      query_[vectors_.feature[i]] = 0;
    return best.take();
  }

 private:
  // The same bits as similarity(): the other terms of the sum are 0.
  void add(index row, Nearest& best) const {
    const auto r = static_cast<std::size_t>(row);
    double sum = 0;
    for (std::size_t i = vectors_.begin[r]; i < vectors_.begin[r + 1]; ++i)
      sum += static_cast<double>(vectors_.weight[i]) *
             static_cast<double>(query_[vectors_.feature[i]]);
    if (sum > 0) best.add({row, sum});
  }

  const SparseVectors& vectors_;
  Postings rare_;
  std::vector<float> common_;  // [rows] length of the part of common features
  std::vector<float> sums_;    // [rows] of the query and each row, over rare features
  std::vector<float> query_;   // [kFeatures]
};

}  // namespace

std::vector<std::vector<Neighbour>> nearest(const SparseVectors& vectors, index k) {
  Search search(vectors);
  std::vector<std::vector<Neighbour>> lists;
  for (index row = 0; row < vectors.rows(); ++row) lists.push_back(search.nearest(row, k));
  return lists;
}

// The product with an earlier row is the sum over the rarest features of a row, from postings, and
// over the others, which is at most their length. The latter is made half of what is sought, so that
// few rows are compared in full (a prefix filter, Bayardo et al. 2007).
std::vector<bool> repeated(const SparseVectors& vectors, double least) {
  least -= 1e-6;
  const std::vector<index> counts = counts_of(vectors);
  const Postings postings = postings_of(vectors, counts, vectors.rows());
  std::vector<bool> found(static_cast<std::size_t>(vectors.rows()));
  std::vector<float> sums(found.size());
  std::vector<std::uint32_t> touched;
  std::vector<std::size_t> places;
  for (std::size_t r = 0; r < found.size(); ++r) {
    places.resize(vectors.begin[r + 1] - vectors.begin[r]);
    std::iota(places.begin(), places.end(), vectors.begin[r]);
    std::sort(places.begin(), places.end(), [&](std::size_t a, std::size_t b) {
      const index x = counts[vectors.feature[a]], y = counts[vectors.feature[b]];
      return x != y ? x < y : a < b;
    });
    double rest = 1;  // squared length of the features that were not looked up
    for (const std::size_t place : places) {
      if (rest < least * least / 4) break;
      const float weight = vectors.weight[place];
      rest -= static_cast<double>(weight) * static_cast<double>(weight);
      const std::uint32_t f = vectors.feature[place];
      for (std::size_t p = postings.begin[f]; p < postings.begin[f + 1]; ++p) {
        const std::uint32_t other = postings.row[p];
        if (other >= r) break;
        if (sums[other] == 0) touched.push_back(other);
        sums[other] += weight * postings.weight[p];
      }
    }
    const double enough = least - std::sqrt(std::max(0.0, rest)) - kSlack;
    for (const std::uint32_t other : touched) {
      if (!found[r] && static_cast<double>(sums[other]) >= enough)
        found[r] = similarity(vectors, static_cast<index>(r), other) >= least;
      sums[other] = 0;
    }
    touched.clear();
  }
  return found;
}

}  // namespace moesim
