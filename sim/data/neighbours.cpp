#include "sim/data/neighbours.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <span>
#include <utility>

namespace moesim {
namespace {

std::vector<index> counts_of(const SparseVectors& vectors) {
  std::vector<index> counts(kFeatures);
  for (const std::uint32_t feature : vectors.feature) ++counts[feature];
  return counts;
}

// Postings holds the rows that have each feature, ascending, with their weights.
class Postings {
 public:
  struct Posting {
    std::uint32_t row;
    float weight;
  };

  // With room for the features that `most` rows have, or fewer.
  Postings(const std::vector<index>& counts, index most) : begin_(kFeatures + 1) {
    for (std::uint32_t f = 0; f < kFeatures; ++f)
      begin_[f + 1] = begin_[f] + (counts[f] <= most ? static_cast<std::size_t>(counts[f]) : 0);
    end_.assign(begin_.begin(), begin_.end() - 1);
    postings_.resize(begin_.back());
  }

  bool has_room(std::uint32_t feature) const { return begin_[feature] < begin_[feature + 1]; }
  void add(std::uint32_t feature, const Posting& posting) { postings_[end_[feature]++] = posting; }
  std::span<const Posting> of(std::uint32_t feature) const {
    return {postings_.data() + begin_[feature], end_[feature] - begin_[feature]};
  }

 private:
  std::vector<std::size_t> begin_, end_;  // [kFeatures + 1], [kFeatures]
  std::vector<Posting> postings_;
};

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

// Search compares each row with those before it, which serves both. The product of two rows is the
// sum over rare features, from postings, and over common ones, of which the bound is |a| |b|
// (Cauchy and Schwarz), with |.| the lengths of the parts of common features. These are small,
// because idf is; only rows whose bound reaches the k-th best similarity of either are compared in
// full.
class Search {
 public:
  Search(const SparseVectors& vectors, const std::vector<index>& counts, index k)
      : vectors_(vectors),
        rare_(counts, std::max<index>(16, vectors.rows() / kCommon)),
        best_(static_cast<std::size_t>(vectors.rows()), Nearest(k)),
        least_(best_.size(), static_cast<float>(-kSlack)),
        sums_(best_.size()),
        query_(kFeatures),
        k_(k) {
    for (std::size_t r = 0; r < best_.size(); ++r) {
      double squares = 0;
      for (std::size_t i = vectors.begin[r]; i < vectors.begin[r + 1]; ++i)
        if (!rare_.has_room(vectors.feature[i]))
          squares +=
              static_cast<double>(vectors.weight[i]) * static_cast<double>(vectors.weight[i]);
      common_.push_back(static_cast<float>(std::sqrt(squares)));
    }
  }

  // Compares row q with rows 0 .. q-1.
  void compare(std::size_t q) {
    std::fill(sums_.begin(), sums_.begin() + static_cast<std::ptrdiff_t>(q), 0.0f);
    for (std::size_t i = vectors_.begin[q]; i < vectors_.begin[q + 1]; ++i) {
      const std::uint32_t f = vectors_.feature[i];
      const float weight = vectors_.weight[i];
      query_[f] = weight;
      for (const auto& [row, other] : rare_.of(f)) sums_[row] += weight * other;
      if (rare_.has_room(f)) rare_.add(f, {static_cast<std::uint32_t>(q), weight});
    }
    // The rows with the largest sums have about the k-th best similarity.
    Nearest guess(k_);
    for (std::size_t r = 0; r < q; ++r)
      if (static_cast<double>(sums_[r]) > guess.least())
        guess.add({static_cast<index>(r), sums_[r]});
    for (const Neighbour& each : guess.all()) {
      compare(q, static_cast<std::size_t>(each.row));
      sums_[static_cast<std::size_t>(each.row)] = kDone;
    }
    const float length = common_[q];
    for (std::size_t r = 0; r < q; ++r)
      if (sums_[r] + length * common_[r] >= std::min(least_[q], least_[r]) && sums_[r] != kDone)
        compare(q, r);
    for (std::size_t i = vectors_.begin[q]; i < vectors_.begin[q + 1]; ++i)
      query_[vectors_.feature[i]] = 0;
  }

  std::vector<Neighbour> take(std::size_t row) { return best_[row].take(); }

 private:
  static constexpr index kCommon = 8;  // in more than an eighth of the rows

  // The same bits as similarity(): the other terms of the sum are 0.
  void compare(std::size_t q, std::size_t r) {
    double sum = 0;
    for (std::size_t i = vectors_.begin[r]; i < vectors_.begin[r + 1]; ++i)
      sum += static_cast<double>(vectors_.weight[i]) *
             static_cast<double>(query_[vectors_.feature[i]]);
    if (sum <= 0) return;
    best_[q].add({static_cast<index>(r), sum});
    best_[r].add({static_cast<index>(q), sum});
    for (const std::size_t row : {q, r})
      least_[row] = static_cast<float>(best_[row].least() - kSlack);
  }

  const SparseVectors& vectors_;
  Postings rare_;              // of the rows that were compared
  std::vector<Nearest> best_;  // [rows]
  std::vector<float> least_;   // [rows] the k-th best similarity, with some slack
  std::vector<float> common_;  // [rows] length of the part of common features
  std::vector<float> sums_;    // [rows] of the query and each row, over rare features
  std::vector<float> query_;   // [kFeatures]
  index k_;
};

}  // namespace

std::vector<std::vector<Neighbour>> nearest(const SparseVectors& vectors, index k) {
  const auto rows = static_cast<std::size_t>(vectors.rows());
  Search search(vectors, counts_of(vectors), k);
  for (std::size_t row = 0; row < rows; ++row) search.compare(row);
  std::vector<std::vector<Neighbour>> lists;
  for (std::size_t row = 0; row < rows; ++row) lists.push_back(search.take(row));
  return lists;
}

// The product with an earlier row is the sum over the rarest features of a row, from postings, and
// over the others, which is at most their length. That length is made three quarters of what is
// sought, so that few rows are compared in full (a prefix filter, Bayardo et al. 2007).
std::vector<bool> repeated(const SparseVectors& vectors, double least) {
  least -= 1e-6;
  const std::vector<index> counts = counts_of(vectors);
  Postings postings(counts, vectors.rows());
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
      if (rest < 0.5625 * least * least) break;
      const float weight = vectors.weight[place];
      rest -= static_cast<double>(weight) * static_cast<double>(weight);
      const std::uint32_t f = vectors.feature[place];
      for (const auto& [other, its_weight] : postings.of(f)) {
        if (sums[other] == 0) touched.push_back(other);
        sums[other] += weight * its_weight;
      }
    }
    const double enough = least - std::sqrt(std::max(0.0, rest)) - kSlack;
    for (const std::uint32_t other : touched) {
      if (!found[r] && static_cast<double>(sums[other]) >= enough)
        found[r] = similarity(vectors, static_cast<index>(r), other) >= least;
      sums[other] = 0;
    }
    touched.clear();
    for (const std::size_t place : places)
      postings.add(vectors.feature[place], {static_cast<std::uint32_t>(r), vectors.weight[place]});
  }
  return found;
}

}  // namespace moesim
