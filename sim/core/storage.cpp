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

void* Pool::take(std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  used_ += size;
  peak_ = std::max(peak_, used_);
  std::vector<void*>& blocks = free_[size];
  if (!blocks.empty()) {
    void* block = blocks.back();
    blocks.pop_back();
    return block;
  }
  void* block = allocate_raw(size);
  held_ += size;
  ++allocations_;
  return block;
}

void Pool::give(void* block, std::size_t bytes) {
  const std::size_t size = size_class(bytes);
  const std::lock_guard lock(mutex_);
  used_ -= size;
  free_[size].push_back(block);
}

void Pool::free_all() {
  for (auto& [size, blocks] : free_)
    for (void* block : blocks) free_raw(block);
  free_.clear();
}

}  // namespace moesim
