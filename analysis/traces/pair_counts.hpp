// PairCounts counts pairs (row, column): a contingency table, dense where it is small, else sorted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace moesim {

class PairCounts {
 public:
  PairCounts(std::size_t rows, std::size_t cols);

  std::size_t rows() const { return rows_; }
  std::size_t cols() const { return cols_; }

  void add(std::size_t row, std::size_t col) {
    const std::uint64_t key = row * cols_ + col;
    if (!dense_.empty())
      ++dense_[key];
    else
      add_key(key);
  }
  // Calls take(row, col, count) for every count above 0, by row and then column.
  template <class Take>
  void each(const Take& take) {
    if (!dense_.empty()) {
      for (std::size_t key = 0; key < dense_.size(); ++key)
        if (dense_[key] > 0) take(key / cols_, key % cols_, dense_[key]);
      return;
    }
    merge();
    for (const auto& [key, count] : sorted_) take(key / cols_, key % cols_, count);
  }

 private:
  void add_key(std::uint64_t key);
  void merge();  // pending keys into sorted_

  std::size_t rows_, cols_;
  std::vector<std::uint64_t> dense_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> sorted_;  // key, count
  std::vector<std::uint64_t> pending_;
};

}  // namespace moesim
