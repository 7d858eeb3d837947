#include "sim/data/neighbours.hpp"

#include "sim/data/inverted_lists.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace moesim {
namespace {

bool is_before(const Neighbour& a, const Neighbour& b) {
  return a.similarity != b.similarity ? a.similarity > b.similarity : a.row < b.row;
}

// Nearest keeps the k best neighbours seen: a heap with the worst on top.
class Nearest {
 public:
  explicit Nearest(index k) : k_(static_cast<std::size_t>(k)) {}

  bool full() const { return heap_.size() == k_; }
  double least() const { return full() ? heap_.front().similarity : 0; }
  // A neighbour may be added again.
  void add(const Neighbour& neighbour) {
    if (full() && !is_before(neighbour, heap_.front())) return;
    for (const Neighbour& each : heap_)
      if (each.row == neighbour.row) return;
    if (full()) {
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

constexpr std::size_t kRowBlock = 8192;  // rows: their sums are in the first cache
constexpr std::size_t kChunk = 64;       // rows that are tested together
constexpr index kFewest = 16;            // rows with a feature that is in no sense frequent

// Search finds the neighbours of all rows. The product of two rows is the sum over rare features,
// from inverted lists, and over common ones, which is at most |a| |b| (Cauchy and Schwarz), with |.|
// the lengths of the parts of common features. These are small, because idf is. Only rows whose
// bound reaches the k-th best similarity of either are multiplied in their common features, and
// compared in full if the product reaches it, too (as in Bayardo et al. 2007).
class Search {
 public:
  Search(const SparseVectors& vectors, index k, SearchCost& cost)
      : vectors_(vectors),
        counts_(rows_with(vectors)),
        most_(std::max(kFewest, vectors.rows() / 16)),
        best_(static_cast<std::size_t>(vectors.rows()), Nearest(k)),
        least_(best_.size()),
        query_(kFeatures),
        k_(k),
        cost_(cost) {
    split_common();
  }

  std::vector<std::vector<Neighbour>> run() {
    guess();
    for (std::size_t first = 0; first < best_.size(); first += kRowBlock)
      search({first, std::min(first + kRowBlock, best_.size())});
    std::vector<std::vector<Neighbour>> lists;
    for (Nearest& each : best_) lists.push_back(each.take());
    return lists;
  }

 private:
  struct Value {
    std::uint32_t feature;  // among common ones
    float weight;
  };

  std::size_t begin(std::size_t row) const { return vectors_.begin[row]; }
  std::size_t end(std::size_t row) const { return vectors_.begin[row + 1]; }

  void split_common() {
    std::vector<std::uint32_t> number(kFeatures);
    std::uint32_t common = 0;
    for (std::size_t f = 0; f < kFeatures; ++f)
      if (counts_[f] > most_) number[f] = common++;
    for (std::size_t r = 0; r < best_.size(); ++r) {
      double squares = 0;
      for (std::size_t i = begin(r); i < end(r); ++i) {
        const std::uint32_t f = vectors_.feature[i];
        const float weight = vectors_.weight[i];
        if (counts_[f] <= most_) continue;
        common_.push_back({number[f], weight});
        squares += static_cast<double>(weight) * static_cast<double>(weight);
      }
      common_begin_.push_back(common_.size());
      length_.push_back(static_cast<float>(std::sqrt(squares)));
    }
    common_query_.resize(common);
  }

  // Compares each row with the k earlier rows of the largest sums over the rarest features: nearly
  // the nearest ones, so that search() starts with large k-th best similarities.
  void guess() {
    InvertedLists lists(counts_, std::max(kFewest, vectors_.rows() / 1024));
    std::vector<float> sums(best_.size());
    std::vector<std::uint32_t> touched;
    for (std::size_t q = 0; q < best_.size(); ++q) {
      for (std::size_t i = begin(q); i < end(q); ++i)
        cost_.products +=
            lists.add_products(vectors_.feature[i], vectors_.weight[i], sums, touched);
      lists.add(vectors_, q);
      Nearest guesses(k_);
      for (const std::uint32_t r : touched) {
        const double sum = static_cast<double>(sums[r]);
        if (sum > guesses.least()) guesses.add({static_cast<index>(r), sum});
        sums[r] = 0;
      }
      touched.clear();
      load(q);
      for (const Neighbour& each : guesses.all()) compare(q, static_cast<std::size_t>(each.row));
      unload(q);
    }
  }

  struct Rows {
    std::size_t first, end;
  };

  // Compares these rows with all rows behind each of them.
  void search(const Rows& rows) {
    const BlockLists lists(vectors_, rows.first, rows.end, counts_, most_);
    std::vector<float> sums(kRowBlock);
    for (std::size_t q = rows.first + 1; q < best_.size(); ++q) {
      cost_.products += lists.add_products(vectors_, q, sums.data());
      find(q, {rows.first, std::min(rows.end, q)}, sums.data());
      std::fill(sums.begin(), sums.end(), 0.0f);
    }
  }

  // Compares row q with those of `rows` whose bound is large enough; sums: of each of them.
  void find(std::size_t q, const Rows& rows, const float* sums) {
    const float length = length_[q], slack = slack_of(q);
    bool loaded = false;
    for (std::size_t first = rows.first; first < rows.end; first += kChunk) {
      const float least = least_[q];
      const float* const sum = sums + (first - rows.first);
      const float *const lengths = length_.data() + first, *const leasts = least_.data() + first;
      const std::size_t n = std::min(kChunk, rows.end - first);
      int any = 0;
#pragma omp simd reduction(| : any)
      for (std::size_t i = 0; i < n; ++i)
        any |= sum[i] + length * lengths[i] + slack >= std::min(least, leasts[i]);
      if (any == 0) continue;
      if (!loaded) load(q);
      loaded = true;
      for (std::size_t i = 0; i < n; ++i) {
        if (sum[i] + length * lengths[i] + slack < enough(q, first + i)) continue;
        ++cost_.bounded;
        if (sum[i] + common_product(first + i) + slack >= enough(q, first + i))
          compare(q, first + i);
      }
    }
    if (loaded) unload(q);
  }

  float enough(std::size_t q, std::size_t r) const { return std::min(least_[q], least_[r]); }

  // The most that rounding takes from the sum of a row: of weights in lists, and of each addition.
  float slack_of(std::size_t q) const {
    return BlockLists::kRounding + static_cast<float>(end(q) - begin(q) + 8) * 0x1p-23f;
  }

  void load(std::size_t q) {
    for (std::size_t i = begin(q); i < end(q); ++i)
      query_[vectors_.feature[i]] = vectors_.weight[i];
    for (std::size_t i = common_begin_[q]; i < common_begin_[q + 1]; ++i)
      common_query_[common_[i].feature] = common_[i].weight;
  }
  void unload(std::size_t q) {
    for (std::size_t i = begin(q); i < end(q); ++i) query_[vectors_.feature[i]] = 0;
    for (std::size_t i = common_begin_[q]; i < common_begin_[q + 1]; ++i)
      common_query_[common_[i].feature] = 0;
  }

  [[gnu::noinline]] float common_product(std::size_t r) const {
    float sum = 0;
    for (std::size_t i = common_begin_[r]; i < common_begin_[r + 1]; ++i)
      sum += common_[i].weight * common_query_[common_[i].feature];
    return sum;
  }

  // The same bits as similarity(): the other terms of the sum are 0. Inlined, the sum would be in
  // memory.
  [[gnu::noinline]] void compare(std::size_t q, std::size_t r) {
    ++cost_.compared;
    double sum = 0;
    for (std::size_t i = begin(r); i < end(r); ++i)
      sum += static_cast<double>(vectors_.weight[i]) *
             static_cast<double>(query_[vectors_.feature[i]]);
    if (sum <= 0) return;
    best_[q].add({static_cast<index>(r), sum});
    best_[r].add({static_cast<index>(q), sum});
    for (const std::size_t row : {q, r}) least_[row] = static_cast<float>(best_[row].least());
  }

  const SparseVectors& vectors_;
  const std::vector<index> counts_;              // [kFeatures]
  const index most_;                             // rows that have a feature which is not common
  std::vector<Value> common_;                    // of all rows
  std::vector<std::size_t> common_begin_ = {0};  // [rows + 1]
  std::vector<float> length_;                    // [rows] of the part of common features
  std::vector<Nearest> best_;                    // [rows]
  std::vector<float> least_;  // [rows] the k-th best similarity, 0 if there are fewer
  std::vector<float> query_, common_query_;  // [kFeatures], [common features] of the loaded row
  const index k_;
  SearchCost& cost_;
};

}  // namespace

std::vector<std::vector<Neighbour>> nearest(const SparseVectors& vectors, index k,
                                            SearchCost* cost) {
  SearchCost unused;
  return Search(vectors, k, cost != nullptr ? *cost : unused).run();
}

}  // namespace moesim
