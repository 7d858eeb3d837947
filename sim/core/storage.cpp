#include "sim/core/storage.hpp"

#include <algorithm>
#include <bit>

namespace moesim {

std::size_t Pool::size_class(std::size_t bytes) {
  constexpr std::size_t kSmallest = 64;
  if (bytes <= kSmallest * 8) return (bytes + kSmallest - 1) / kSmallest * kSmallest;
  const std::size_t step = std::bit_floor(bytes) / 8;
  return (bytes + step - 1) / step * step;
}

Pool::Chunk Pool::take(std::size_t bytes) {
  const std::size_t wanted = size_class(bytes);
  const std::lock_guard lock(mutex_);
  const auto fits = std::find_if(free_.lower_bound(wanted), free_.end(),
                                 [](const auto& entry) { return !entry.second.empty(); });
  Chunk chunk{nullptr, wanted};
  if (fits != free_.end() && fits->first <= wanted + wanted / 4) {
    chunk = {fits->second.back(), fits->first};
    fits->second.pop_back();
  } else {
    chunk.p = allocate_raw(wanted);
    held_ += wanted;
    ++allocations_;
  }
  used_ += chunk.size;
  peak_ = std::max(peak_, used_);
  return chunk;
}

void Pool::give(Chunk chunk) {
  const std::lock_guard lock(mutex_);
  used_ -= chunk.size;
  free_[chunk.size].push_back(chunk.p);
}

void Pool::free_all() {
  for (auto& [size, blocks] : free_)
    for (void* block : blocks) free_raw(block);
  free_.clear();
}

}  // namespace moesim
