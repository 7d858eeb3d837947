#include "analysis/traces/pair_counts.hpp"

#include <algorithm>

namespace moesim {
namespace {

constexpr std::uint64_t kMostDense = std::uint64_t{1} << 24;  // 4096 experts by 4096: 128 MiB
constexpr std::size_t kMostPending = std::size_t{1} << 22;

}  // namespace

PairCounts::PairCounts(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols) {
  if (cols > 0 && rows <= kMostDense / cols) dense_.resize(rows * cols);
}

void PairCounts::add_key(std::uint64_t key) {
  pending_.push_back(key);
  if (pending_.size() >= kMostPending) merge();
}

void PairCounts::merge() {
  if (pending_.empty()) return;
  std::sort(pending_.begin(), pending_.end());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> merged;
  merged.reserve(sorted_.size() + pending_.size() / 2);
  auto old = sorted_.begin();
  for (std::size_t i = 0; i < pending_.size();) {
    const std::uint64_t key = pending_[i];
    std::uint64_t count = 0;
    for (; i < pending_.size() && pending_[i] == key; ++i) ++count;
    for (; old != sorted_.end() && old->first < key; ++old) merged.push_back(*old);
    if (old != sorted_.end() && old->first == key) count += (old++)->second;
    merged.emplace_back(key, count);
  }
  merged.insert(merged.end(), old, sorted_.end());
  sorted_ = std::move(merged);
  pending_.clear();
}

}  // namespace moesim
